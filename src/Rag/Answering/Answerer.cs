using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Lucene.Net.Analysis;
using Rag.Access;
using Rag.Audit;
using Rag.Caching;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;

namespace Rag.Answering;

/// <summary>An answer, and as JSON in UTF-8 as those after the first asker get it.</summary>
[ImmutableObject(true)]
internal sealed record RenderedAnswer(Answer Answer, ReadOnlyMemory<byte> CachedJson)
{
    private DataAccess? _access, _privileged;

    /// <summary>That somebody is shown it: one object for all who are, so that noting it again is a count.</summary>
    public DataAccess AccessIn(string collectionId, bool privileged) => privileged
        ? _privileged ??= AccessIn(collectionId, false) with { Privileged = true }
        : _access ??= new("ask", collectionId, Answer.Question, Answer.Id, [.. Documents]);

    /// <summary>Documents whose words it holds.</summary>
    public IEnumerable<string> Documents => Answer.Sources.Select(s => s.Document).Concat(Answer.LookedAt.Select(l => l.Document)).Distinct();
}

/// <summary>
/// Asks: cache, retrieve, choose, cite, keep. The same index gives the same answer; an answer is never older than the
/// index, for both cache keys are made of what the answer depends on.
/// </summary>
/// <remarks>
/// Nobody is told what was taken from them before: a state that this replica has left is never named again, so that an
/// answer whose state is still named when it is handed over holds nothing that went before. One that was overtaken is looked
/// at document by document.
/// </remarks>
internal sealed class Answerer(ISearchIndex index, IIndexer indexer, Retriever retriever, LayeredCache cache, Provenance provenance, DataAccessLog accesses, TimeProvider time, AnsweringMetrics metrics, SecurityFeed security)
{
    private const int MaxAttempts = 4;
    private static readonly TimeSpan WaitLimit = TimeSpan.FromSeconds(10);

    /// <param name="Raw">The question as it was sent.</param>
    /// <param name="By">Who asks: the cache computes in a flow of its own, which knows neither them nor their trace.</param>
    private sealed record Asked(string Raw, Actor By, Activity? Activity, string Question, Collection Collection, ReadScope Scope, RetrievalMode Mode, IReadOnlyDictionary<string, string>? Filter, bool NoCache);

    /// <returns>The answer, and whether it was in the cache as it is.</returns>
    public async ValueTask<(RenderedAnswer Answer, bool Cached)> AskAsync(AskRequest request, CancellationToken ct)
    {
        string question = QueryText.Normalise(request.Question);
        if (request.Options?.WaitFor is { } position) await indexer.WaitForAsync(position, WaitLimit, ct);
        var collection = await retriever.CollectionAsync(request.Collection, ct);
        var caller = Caller.Current;
        var asked = new Asked(request.Question!, Actor.Current, Activity.Current, question, collection, caller.Scope, RetrievalModes.Parse(request.Options?.Mode), request.Options?.Filter, request.Options?.NoCache ?? false);
        try
        {
            var (answer, hit) = await SettledAsync(asked, ct);
            if (!asked.NoCache) metrics.Question(answer.Answer.Degraded ? "degraded" : answer.Answer.Outcome, hit);
            accesses.Note(answer.AccessIn(collection.Id, await retriever.IsPrivilegedAsync(collection, answer.Documents, caller, ct)));
            return (answer, hit);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            metrics.Question("failed", cached: false);
            throw;
        }
    }

    /// <summary>
    /// Computes an answer from all of a collection, as its index is now, and leaves no trace of it: nothing is cached, kept, counted
    /// or noted. For comparing what two states of the record answer.
    /// </summary>
    /// <returns>The answer, and the evidence that it was chosen from, best first.</returns>
    public async Task<(Answer Answer, IReadOnlyList<Evidence> Evidence)> RehearseAsync(string question, Collection collection, RetrievalMode mode, CancellationToken ct)
    {
        var found = await retriever.FindAsync(collection, question, mode, ExtractiveAnswerer.MaxEvidence, onePerDocument: false, null, ReadScope.Everything, ct);
        var evidence = found.Chunks.Select(c => new Evidence(c.Chunk, c.Score, c.Coverage, c.Cosine)).ToList();
        var terms = found.Terms.Select(t => new WeightedTerm(t.Text, t.Idf)).ToList();
        var selection = ExtractiveAnswerer.Select(question, terms, evidence, found.Analyzer, found.Mode == RetrievalMode.Lexical);
        var record = new AnswerRecord(
            "", question, collection.Id, collection.Name, collection.Language, selection.Abstained ? Answer.Abstained : Answer.Answered, found.Mode.ToString().ToLowerInvariant(), found.Mode == RetrievalMode.Lexical,
            ExtractiveAnswerer.Version, found.Position, found.Degraded, Math.Round(selection.Strength, 4), 0, [], evidence.ConvertAll(RecordedEvidence.From), selection.Units.Select(u => new RecordedChoice(u.Evidence, u.Unit)).ToList());
        return (AnswerRendering.Render(record, evidence, cacheLayer: null), evidence);
    }

    /// <summary>An answer that holds nothing that the asker is not shown any more.</summary>
    private async ValueTask<(RenderedAnswer Answer, bool Hit)> SettledAsync(Asked asked, CancellationToken ct)
    {
        for (int attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            string? now = index.StateOf(asked.Collection, asked.Scope);
            var (answer, hit) = asked.NoCache || attempt == MaxAttempts ? (await AnswerAsync(asked, ct), false) : await CachedAsync(asked, now, ct);
            if (index.StateOf(asked.Collection, asked.Scope) == now) return (answer, hit);
            // Overtaken. What another made while the state changed was made for what that one is shown.
            if (!hit && await index.ShowsAsync(asked.Collection, [.. answer.Documents], asked.Scope, ct)) return (answer, hit);
        }
        throw Retriever.Unsettled();
    }

    private ValueTask<(RenderedAnswer Answer, bool Hit)> CachedAsync(Asked asked, string? now, CancellationToken ct)
    {
        string key = LayeredCache.Key(asked.Question, asked.Collection.Id, asked.Mode.ToString(), FilterKey(asked.Filter), ExtractiveAnswerer.Version, now ?? "");
        return cache.GetAsync(
            CacheLayer.Question, key, (this, asked), static (s, token) => new ValueTask<RenderedAnswer>(s.Item1.AnswerAsync(s.asked, token)),
            // An answer that was overtaken by a change while it was made is given, not kept.
            a => !a.Answer.Degraded && index.StateOf(asked.Collection, asked.Scope) == now, a => a.Documents, ct);
    }

    private async Task<RenderedAnswer> AnswerAsync(Asked asked, CancellationToken ct)
    {
        security.Question(asked.Raw, asked.By, asked.Activity);
        var found = await retriever.FindAsync(asked.Collection, asked.Question, asked.Mode, ExtractiveAnswerer.MaxEvidence, onePerDocument: false, asked.Filter, asked.Scope, ct);
        var evidence = found.Chunks.Select(c => new Evidence(c.Chunk, c.Score, c.Coverage, c.Cosine)).ToList();
        long generating = Stopwatch.GetTimestamp();
        bool lexicalOnly = found.Mode == RetrievalMode.Lexical;
        var terms = found.Terms.Select(t => new WeightedTerm(t.Text, t.Idf)).ToList();
        var (reading, hit) = await ReadAsync(asked, found.Analyzer, terms, evidence, ct);
        var selection = ExtractiveAnswerer.Select(asked.Question, terms, evidence, reading, lexicalOnly);
        var record = new AnswerRecord(
            Ids.New(time), asked.Question, asked.Collection.Id, asked.Collection.Name, asked.Collection.Language,
            selection.Abstained ? Answer.Abstained : Answer.Answered, found.Mode.ToString().ToLowerInvariant(), lexicalOnly,
            ExtractiveAnswerer.Version, found.Position, found.Degraded, Math.Round(selection.Strength, 4), time.Microseconds(),
            terms.ConvertAll(t => new RecordedTerm(t.Text, t.Idf)), evidence.ConvertAll(RecordedEvidence.From), selection.Units.Select(u => new RecordedChoice(u.Evidence, u.Unit)).ToList(), asked.Scope.Groups);
        metrics.Generated(generating);
        provenance.Keep(record);
        var answer = AnswerRendering.Render(record, evidence, hit ? CacheLayer.Evidence : null);
        var cached = answer with { Cached = true, CacheLayer = CacheLayer.Question };
        return new(answer, JsonSerializer.SerializeToUtf8Bytes(cached, AnsweringJson.Default.Answer));
    }

    /// <summary>
    /// Reads the evidence, or has it read already. The key holds all that a reading depends on, and the chunks in an order of
    /// their own: that they rank otherwise after a write elsewhere does not make their content another.
    /// </summary>
    private async Task<(EvidenceReading Reading, bool Hit)> ReadAsync(
        Asked asked, Analyzer analyzer, IReadOnlyList<WeightedTerm> terms, IReadOnlyList<Evidence> evidence, CancellationToken ct)
    {
        string[] words = [.. terms.Select(t => t.Text)];
        if (asked.NoCache) return (ExtractiveAnswerer.Read(words, [.. evidence.Select(e => e.Chunk)], analyzer), false);
        var content = evidence.Select((e, i) => (Key: e.Chunk.Hash + Convert.ToBase64String(e.Chunk.UnitBytes), Place: i)).OrderBy(c => c.Key, StringComparer.Ordinal).ToList();
        IndexedChunk[] chunks = [.. content.Select(c => evidence[c.Place].Chunk)];
        var (reading, hit) = await cache.GetAsync(
            CacheLayer.Evidence, LayeredCache.Key([asked.Question, ExtractiveAnswerer.Version, asked.Collection.Language, .. content.Select(c => c.Key)]), (words, chunks, analyzer),
            static (s, _) => ValueTask.FromResult(ExtractiveAnswerer.Read(s.words, s.chunks, s.analyzer)), null, null, ct);
        // What checked out and yet is not of these chunks is read again.
        if (reading.Chunks.Count != chunks.Length || reading.Chunks.Where((c, i) => c.Count != chunks[i].Units.Count).Any())
            (reading, hit) = (ExtractiveAnswerer.Read(words, chunks, analyzer), false);
        var ranked = new IReadOnlyList<UnitWords>[chunks.Length];
        for (int i = 0; i < chunks.Length; i++) ranked[content[i].Place] = reading.Chunks[i];
        return (new(ranked), hit);
    }

    private static string FilterKey(IReadOnlyDictionary<string, string>? filter) =>
        filter is null ? "" : string.Join('\n', filter.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key}={f.Value}"));
}
