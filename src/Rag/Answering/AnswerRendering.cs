using System.Text;
using Rag.Foundation;
using Rag.Ingestion;

namespace Rag.Answering;

/// <summary>From a choice of units to an answer with numbered sources; every quote is cut from the evidence by its span.</summary>
internal static class AnswerRendering
{
    public static Answer Render(AnswerRecord record, IReadOnlyList<Evidence> evidence, string? cacheLayer)
    {
        var sentences = new List<AnswerSentence>();
        var sources = new List<AnswerSource>();
        var text = new StringBuilder();
        (UnitKind Kind, long VersionNo)? previous = null;
        foreach (var choice in record.Choices)
        {
            var chunk = evidence[choice.Evidence].Chunk;
            var unit = chunk.Units[choice.Unit];
            string quote = chunk.TextOf(unit);
            int number = sources.Count + 1;
            sources.Add(new(
                number, chunk.DocumentId, chunk.Title, chunk.Version, chunk.Uri, chunk.Ordinal, unit.Start, unit.End, quote, Sha256.Hex(quote),
                chunk.HeadingPath, unit.Page ?? chunk.Page));
            sentences.Add(new(quote, KindName(unit.Kind), number));
            if (previous is { } p) text.Append(p.Kind == UnitKind.Sentence && unit.Kind == UnitKind.Sentence && p.VersionNo == chunk.VersionNo ? " " : "\n");
            text.Append(quote);
            previous = (unit.Kind, chunk.VersionNo);
        }
        var lookedAt = evidence.Select(e => new LookedAt(
            e.Chunk.DocumentId, e.Chunk.Title, e.Chunk.Version, e.Chunk.Uri, e.Chunk.Ordinal, e.Chunk.HeadingPath, e.Chunk.Page, e.Chunk.Start, e.Chunk.End,
            Math.Round(e.Score, 4))).ToList();
        return new(
            record.Id, record.Question, record.Collection, record.Outcome, record.Outcome == Answer.Abstained ? Answer.AbstainedText : text.ToString(),
            sentences, sources, lookedAt, record.Strength, record.Answerer, record.IndexPosition, cacheLayer is not null, cacheLayer,
            record.DegradedReason is not null, record.DegradedReason);
    }

    private static string KindName(UnitKind kind) => kind switch
    {
        UnitKind.ListItem => "list_item",
        UnitKind.TableRow => "table_row",
        UnitKind.Code => "code",
        UnitKind.Heading => "heading",
        _ => "sentence",
    };
}
