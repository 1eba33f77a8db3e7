using System.Text;
using Rag.Inference.Generation;
using Rag.Ingestion;

namespace Rag.Answering.Generation;

/// <summary>
/// The evidence as a model is shown it: units numbered from 1, the best chunks first, as many as the budget has room for, each
/// text once. A pure function of evidence and budget, so that a replay shows the same.
/// </summary>
internal sealed class EvidenceSheet
{
    /// <summary>Tokens of a unit's number and line end.</summary>
    private const int NumberTokens = 5;

    private readonly IReadOnlyList<Evidence> _evidence;
    private readonly List<UnitChoice> _units = [];

    private EvidenceSheet(IReadOnlyList<Evidence> evidence, string text, List<UnitChoice> units) => (_evidence, Text, _units) = (evidence, text, units);

    /// <summary>The passages, a line each, under the places where they stand.</summary>
    public string Text { get; }

    public int Count => _units.Count;

    public static EvidenceSheet Of(IReadOnlyList<Evidence> evidence, int budgetTokens)
    {
        var text = new StringBuilder();
        var units = new List<UnitChoice>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (int e = 0; e < evidence.Count; e++)
        {
            var chunk = evidence[e].Chunk;
            string place = Chunk.Place(chunk.Title, chunk.HeadingPath).ReplaceLineEndings(" ");
            string head = chunk.Context.Length == 0 ? $"# {place}\n" : $"# {place}\nColumns: {chunk.Context.ReplaceLineEndings(" ")}\n";
            int left = budgetTokens - TokenEstimate.Of(head);
            bool headed = false, full = false;
            for (int u = 0; u < chunk.Units.Count; u++)
            {
                // A heading says where things stand; it answers nothing by itself.
                if (chunk.Units[u].Kind == UnitKind.Heading && chunk.Units.Count > 1) continue;
                string unit = chunk.TextOf(chunk.Units[u]);
                if (seen.Contains(unit)) continue;
                left -= TokenEstimate.Of(unit) + NumberTokens;
                if (full = left < 0) break;
                seen.Add(unit);
                if (!headed) text.Append(head);
                headed = true;
                units.Add(new(e, u));
                text.Append('[').Append(units.Count).Append("] ").Append(unit).Append('\n');
                budgetTokens = left;
            }
            if (full) break;
        }
        return new(evidence, text.ToString(), units);
    }

    /// <summary>The unit of a number; null where that was not shown.</summary>
    public UnitChoice? this[int number] => number >= 1 && number <= _units.Count ? _units[number - 1] : null;

    public string TextOf(UnitChoice unit)
    {
        var chunk = _evidence[unit.Evidence].Chunk;
        return chunk.TextOf(chunk.Units[unit.Unit]);
    }
}
