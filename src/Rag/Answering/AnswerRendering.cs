using System.Text;
using Rag.Answering.Generation;
using Rag.Foundation;
using Rag.Ingestion;

namespace Rag.Answering;

/// <summary>From a choice of units to an answer with numbered sources; every quote is cut from the evidence by its span.</summary>
internal static class AnswerRendering
{
    /// <exception cref="RagException">Conflict: a composed sentence cannot be read with these texts.</exception>
    public static Answer Render(AnswerRecord record, IReadOnlyList<Evidence> evidence, string? cacheLayer)
    {
        var units = record.Choices.Select(c => new UnitChoice(c.Evidence, c.Unit)).ToList();
        var sources = units.Select((u, i) => Source(evidence, u, i + 1)).ToList();
        var sentences = record.Generation?.Sentences is { } recorded
            ? recorded.Select((s, i) => Recorded(record, evidence, units, s, i)).ToList()
            : units.Select((u, i) => Sentence(evidence, null, [u], [i + 1])).ToList();
        var text = new StringBuilder();
        (bool Prose, long VersionNo)? previous = null;
        foreach (var sentence in sentences)
        {
            // Prose goes on where it stands in one document, or is one writer's; lists, rows and code begin a line.
            bool composed = sentence.Kind == AnswerSentence.Composed;
            var here = (Prose: composed || sentence.Kind == KindName(UnitKind.Sentence), VersionNo: composed ? -1 : evidence[units[sentence.Source - 1].Evidence].Chunk.VersionNo);
            if (previous is { } p) text.Append(p.Prose && here.Prose && p.VersionNo == here.VersionNo ? " " : "\n");
            text.Append(sentence.Text);
            previous = here;
        }
        var lookedAt = evidence.Select(e => new LookedAt(
            e.Chunk.DocumentId, e.Chunk.Title, e.Chunk.Version, e.Chunk.Uri, e.Chunk.Ordinal, e.Chunk.HeadingPath, e.Chunk.Page, e.Chunk.Start, e.Chunk.End,
            Math.Round(e.Score, 4))).ToList();
        return new(
            record.Id, record.Question, record.Collection, record.Outcome, record.Outcome == Answer.Abstained ? Answer.AbstainedText : text.ToString(),
            sentences, sources, lookedAt, record.Strength, record.Answerer, record.IndexPosition, cacheLayer is not null, cacheLayer,
            record.DegradedReason is not null, record.DegradedReason, record.Generation?.Shown);
    }

    public static AnswerSource Source(IReadOnlyList<Evidence> evidence, UnitChoice choice, int number)
    {
        var chunk = evidence[choice.Evidence].Chunk;
        var unit = chunk.Units[choice.Unit];
        string quote = chunk.TextOf(unit);
        return new(number, chunk.DocumentId, chunk.Title, chunk.Version, chunk.Uri, chunk.Ordinal, unit.Start, unit.End, quote, Sha256.Hex(quote), chunk.HeadingPath, unit.Page ?? chunk.Page);
    }

    /// <param name="words">A model's words; null where the sentence is the first of the units itself.</param>
    /// <param name="numbers">Of the units, as sources.</param>
    public static AnswerSentence Sentence(IReadOnlyList<Evidence> evidence, string? words, IReadOnlyList<UnitChoice> units, IReadOnlyList<int> numbers)
    {
        if (words is not null) return new(words, AnswerSentence.Composed, numbers[0], numbers.Count > 1 ? numbers : null);
        var chunk = evidence[units[0].Evidence].Chunk;
        var unit = chunk.Units[units[0].Unit];
        return new(chunk.TextOf(unit), KindName(unit.Kind), numbers[0]);
    }

    /// <summary>The sentences as they are kept; those that are their sources one by one need no list of their own.</summary>
    public static IReadOnlyList<RecordedSentence>? Keep(string answerId, IReadOnlyList<Evidence> evidence, IReadOnlyList<DraftSentence> sentences, SourceNumbers numbers)
    {
        var kept = sentences.Select((s, i) => new RecordedSentence(
            [.. numbers.Of(s.Units).Select(n => n - 1)], s.Text is null ? null : SentenceSeal.Close(answerId, i, s.Units.Select(u => evidence[u.Evidence].Chunk.Text), s.Text))).ToList();
        return kept.Select((s, i) => s.Sealed is null && s.Sources is [var only] && only == i).All(plain => plain) ? null : kept;
    }

    private static AnswerSentence Recorded(AnswerRecord record, IReadOnlyList<Evidence> evidence, List<UnitChoice> units, RecordedSentence sentence, int index)
    {
        var cited = sentence.Sources.Select(s => units[s]).ToList();
        string? words = sentence.Sealed is { } closed ? SentenceSeal.Open(record.Id, index, cited.Select(u => evidence[u.Evidence].Chunk.Text), closed) : null;
        return Sentence(evidence, words, cited, [.. sentence.Sources.Select(s => s + 1)]);
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
