using Rag.Access;
using Rag.Answering.Generation;
using Rag.Audit;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference.Generation;
using Rag.Ingestion;
using Rag.Retrieval;
using Rag.Storage;

namespace Rag.Answering;

/// <summary>Why an answer is what it is.</summary>
/// <param name="Missing">Why its words cannot be shown; null where they can.</param>
/// <param name="Evidence">What was read to find it, best first, as far as the caller is shown it.</param>
internal sealed record Explanation(AnswerRecord Record, Answer? Answer, string? Missing, IReadOnlyList<ExplainedEvidence> Evidence);

/// <param name="Sources">Numbers of the sources that were taken from it.</param>
internal sealed record ExplainedEvidence(RecordedEvidence Evidence, IReadOnlyList<int> Sources);

/// <summary>An answer that quotes a document.</summary>
/// <param name="Versions">Of the document, that it quotes.</param>
/// <param name="Places">Sources that lie in it.</param>
public sealed record CitingAnswer(string Id, string Question, DateTimeOffset At, IReadOnlyList<long> Versions, int Places, long? Rating);

/// <summary>
/// Shows and replays answers from their provenance and from the documents' versions that the record keeps. An answer is there
/// for whoever may read its collection and is shown, now, every document that it quotes; for others there is none.
/// </summary>
internal sealed class AnswerReplay(Provenance provenance, DocumentRecord documents, ISearchIndex index, RecordState state, DataAccessLog accesses, IndexStore? indexes = null)
{
    /// <summary>Answers that are looked through for those that quote a document.</summary>
    public const int MaxLooked = 5_000;

    private const int MaxCiting = 200;

    /// <summary>The answer as it was given, its quotes read again from the documents.</summary>
    /// <exception cref="RagException">NotFound: no such answer. Conflict: a document that it quotes is no longer kept.</exception>
    public async Task<Answer> ShowAsync(string id, CancellationToken ct)
    {
        var explained = await ExplainAsync(id, ct);
        return explained.Answer ?? throw new RagException(ErrorKind.Conflict, $"Answer {id} cannot be shown whole: {explained.Missing}", "What the record keeps of it are question, time and spans; the words are gone with the document.");
    }

    /// <summary>The answer with what it was chosen from; without its words where a document that it needs is no longer kept.</summary>
    /// <exception cref="RagException">NotFound: no such answer.</exception>
    public async Task<Explanation> ExplainAsync(string id, CancellationToken ct)
    {
        var (record, shown) = await GetAsync(id, ct);
        var (evidence, missing) = await RestoreAsync(record, shown, ct);
        Note(record, shown);
        var answer = missing is null ? AnswerRendering.Render(record, evidence, cacheLayer: null) : null;
        // What the asker was shown, whoever looks now need not be.
        if (answer is not null && shown is not null) answer = answer with { LookedAt = [.. answer.LookedAt.Where(l => shown.Contains(l.Document))] };
        var sources = record.Choices.Select((c, i) => (c.Evidence, Number: i + 1)).ToLookup(c => c.Evidence, c => c.Number);
        return new(record, answer, missing, [.. record.Evidence.Select((e, i) => new ExplainedEvidence(e, [.. sources[i]])).Where(e => shown?.Contains(e.Evidence.Document) != false)]);
    }

    /// <summary>Answers from a collection that quote a document, among the latest <see cref="MaxLooked"/>, as far as the caller is shown all that they quote.</summary>
    public async Task<IReadOnlyList<CitingAnswer>> CitingAsync(string collectionId, string document, CancellationToken ct)
    {
        var found = (await provenance.NamingAsync(collectionId, document, MaxLooked, MaxCiting, ct)).Where(f => f.Record.Quoted.Contains(document)).ToList();
        var shown = await documents.ShownAsync(collectionId, found.SelectMany(f => f.Record.Quoted).ToHashSet(), Caller.Current.Scope, ct);
        return [.. found.Where(f => f.Record.Quoted.All(shown.Contains)).Select(f =>
        {
            var places = f.Record.Choices.Select(c => f.Record.Evidence[c.Evidence]).Where(e => e.Document == document).ToList();
            return new CitingAnswer(f.Record.Id, f.Record.Question, Clock.FromMicroseconds(f.Record.CreatedAt), [.. places.Select(e => e.Version).Distinct().Order()], places.Count, f.Rating);
        })];
    }

    /// <summary>Chooses again from the same evidence and compares.</summary>
    public async Task<ReplayResult> ReplayAsync(string id, CancellationToken ct)
    {
        var (record, shown) = await GetAsync(id, ct);
        var (evidence, missing) = await RestoreAsync(record, shown, ct);
        if (missing is not null) return new(id, false, missing, []);
        Note(record, shown);
        Answer answer;
        try
        {
            answer = AnswerRendering.Render(record, evidence, cacheLayer: null);
        }
        catch (RagException e) when (e.Kind == ErrorKind.Conflict)
        {
            return new(id, false, e.Message, [], record.Generation?.Shown);
        }
        string? difference = PromptDifference(record, evidence) ?? (record.Generation is { Mode: not GenerationOptions.Extractive } ? null : ChoiceDifference(record, evidence));
        return new(id, difference is null, difference, answer.Sources, answer.Generation);
    }

    /// <summary>What a model was sent, made again from the same evidence; the model itself is not asked, for it need not say the same twice.</summary>
    private static string? PromptDifference(AnswerRecord record, IReadOnlyList<Evidence> evidence)
    {
        if (record.Generation is not { Prompt: { } prompt, Fence: not null, Model: { } model } made) return null;
        if (prompt is not (Prompts.SelectVersion or Prompts.ComposeVersion))
            return $"its model was prompted by {prompt}; this release prompts by {Prompts.SelectVersion} or {Prompts.ComposeVersion}.";
        return Prompts.Again(made, record.Answering, evidence).Sha256(model) == made.PromptSha256 ? null : "the same evidence makes another prompt.";
    }

    private static string? ChoiceDifference(AnswerRecord record, IReadOnlyList<Evidence> evidence)
    {
        if (record.Answerer != ExtractiveAnswerer.Version) return $"it was made by {record.Answerer}; this release answers with {ExtractiveAnswerer.Version}.";
        using var analyzer = Analyzers.For(record.Language);
        var selection = ExtractiveAnswerer.Select(
            record.Answering, record.Terms.Select(t => new WeightedTerm(t.Text, t.Idf)).ToList(), evidence, analyzer, record.LexicalOnly);
        var chosen = selection.Units.Select(u => new RecordedChoice(u.Evidence, u.Unit));
        // Quotations that took a sentence's place had left before the rest, and stand before it.
        bool same = record.Generation is { Replaced: > 0 } ? record.Choices.ToHashSet().SetEquals(chosen) : chosen.SequenceEqual(record.Choices);
        return same ? null : "the same evidence led to other sentences.";
    }

    private void Note(AnswerRecord record, IReadOnlySet<string>? shown) =>
        accesses.Note(new("read", record.CollectionId, record.Question, record.Id, [.. record.Evidence.Select(e => e.Document).Distinct().Where(d => shown?.Contains(d) != false)]));

    /// <summary>Keeps what somebody says of an answer; false where there is none for them.</summary>
    public async Task<bool> RateAsync(string id, int rating, string? comment, CancellationToken ct) =>
        await FindAsync(id, ct) is not null && await provenance.RateAsync(id, rating, comment, ct);

    private async Task<(AnswerRecord Record, IReadOnlySet<string>? Shown)> GetAsync(string id, CancellationToken ct) =>
        await FindAsync(id, ct) ?? throw new RagException(ErrorKind.NotFound, $"There is no answer '{id}'.", "The id stands in the answer that 'rag ask --json' prints.");

    /// <returns>The record, and those of its documents that the caller is shown, null for all; nothing where the answer is not there for the caller.</returns>
    private async Task<(AnswerRecord Record, IReadOnlySet<string>? Shown)?> FindAsync(string id, CancellationToken ct)
    {
        var caller = Caller.Current;
        if (await provenance.FindAsync(id, ct) is not { } record || !caller.MayRead(record.CollectionId)) return null;
        var scope = caller.Scope;
        if (scope.Groups is null) return (record, null);
        var all = record.Evidence.Select(e => e.Document).ToHashSet();
        var shown = state.Away ? await FromIndexAsync(record, all, scope, ct) : await documents.ShownAsync(record.CollectionId, all, scope, ct);
        return record.Quoted.All(shown.Contains) ? (record, shown) : null;
    }

    private async Task<IReadOnlySet<string>> FromIndexAsync(AnswerRecord record, IEnumerable<string> all, ReadScope scope, CancellationToken ct)
    {
        var collection = new Collection(record.CollectionId, record.Collection, record.Language, 0);
        var shown = new HashSet<string>();
        foreach (string document in all)
            if (await index.ShowsAsync(collection, [document], scope, ct)) shown.Add(document);
        return shown;
    }

    private async Task<(IReadOnlyList<Evidence> Evidence, string? Missing)> RestoreAsync(AnswerRecord record, IReadOnlySet<string>? shown, CancellationToken ct)
    {
        var evidence = new List<Evidence>(record.Evidence.Count);
        foreach (var e in record.Evidence)
        {
            // Of what somebody is not shown they are not told what became of it either.
            string named = shown?.Contains(e.Document) == false ? "a document that was looked at" : $"document {e.Document}, version {e.Version},";
            string? chunk = state.Away ? FromIndex(record, e) : await FromRecordAsync(e, ct);
            if (chunk is null) return (evidence, $"{named} is no longer kept.");
            if (Sha256.Hex(chunk) != e.TextSha256) return (evidence, $"the text of {named} is not what it was.");
            evidence.Add(e.Restore(chunk));
        }
        return (evidence, null);
    }

    private async Task<string?> FromRecordAsync(RecordedEvidence e, CancellationToken ct) =>
        await documents.TextAsync(e.Document, e.Version, ct) is { } text ? e.End <= text.Length ? text[e.Start..e.End] : "" : null;

    /// <summary>While the record is away the index has the text of what is current.</summary>
    private string FromIndex(AnswerRecord record, RecordedEvidence e)
    {
        using var snapshot = indexes?.Find(record.CollectionId)?.Acquire();
        return snapshot?.Find(e.Document, e.VersionNo, e.Chunk)?.Text
            ?? throw new RagException(ErrorKind.Unavailable, $"Answer {record.Id} quotes a version that is not in the index, and the record is away.", "Try again when the record is back.");
    }
}
