using System.ComponentModel;

namespace Rag.Answering;

/// <summary>A unit of the evidence: which chunk of it, which unit of that chunk, both from 0.</summary>
internal readonly record struct UnitChoice(int Evidence, int Unit);

/// <summary>
/// What the extractive answerer decides: units in reading order, or none where the evidence does not carry an answer.
/// Holds no text, so that it may be kept when documents go.
/// </summary>
/// <param name="Strength">Score of the best unit, on the scale of <see cref="ExtractiveAnswerer"/>.</param>
[ImmutableObject(true)]
internal sealed record Selection(IReadOnlyList<UnitChoice> Units, double Strength)
{
    public bool Abstained => Units.Count == 0;
}
