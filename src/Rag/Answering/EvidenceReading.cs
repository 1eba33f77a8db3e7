using System.ComponentModel;

namespace Rag.Answering;

/// <summary>Which of the question's terms stand in a unit itself, and which only beside it: in its neighbours or above it. A bit each, in the terms' order.</summary>
internal readonly record struct UnitWords(UInt128 Own, UInt128 Beside);

/// <summary>
/// What reading the evidence gave: for each chunk, for each of its units, where the question's words stand. It depends on the
/// question and the chunks' content alone, and on nothing that a write elsewhere moves, so that it may be kept under both:
/// what a chunk scores, and what a word is worth, changes with every document and is never kept.
/// </summary>
[ImmutableObject(true)]
internal sealed record EvidenceReading(IReadOnlyList<IReadOnlyList<UnitWords>> Chunks);
