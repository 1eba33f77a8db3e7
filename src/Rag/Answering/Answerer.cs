using System.ComponentModel;
using System.Text.Json;
using Lucene.Net.Analysis;
using Rag.Caching;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;
using Rag.Storage;

namespace Rag.Answering;

/// <summary>An answer, and as JSON in UTF-8 as those after the first asker get it.</summary>
[ImmutableObject(true)]
internal sealed record RenderedAnswer(Answer Answer, ReadOnlyMemory<byte> CachedJson);

/// <summary>What was chosen, and what the choice was made of: replaying must start from the same.</summary>
[ImmutableObject(true)]
internal sealed record Decision(Selection Selection, IReadOnlyList<RecordedTerm> Terms, IReadOnlyList<(float Score, float Coverage, float Cosine)> Scores);

/// <summary>
/// Asks: cache, retrieve, choose, cite, keep. The same index gives the same answer; an answer is never older than the
/// index, for both cache keys are made of what the answer depends on.
/// </summary>
internal sealed class Answerer(
    IndexStore indexes, Indexer indexer, CollectionCatalog catalog, Collections collections, Retriever retriever, LayeredCache cache,
    Provenance provenance, RecordState state, TimeProvider time, AnsweringMetrics metrics)
{
    private static readonly TimeSpan WaitLimit = TimeSpan.FromSeconds(10);

    private sealed record Asked(string Question, Collection Collection, RetrievalMode Mode, IReadOnlyDictionary<string, string>? Filter, CollectionIndex Index, bool NoCache);

    /// <returns>The answer, and whether it was in the cache as it is.</returns>
    public async ValueTask<(RenderedAnswer Answer, bool Cached)> AskAsync(AskRequest request, CancellationToken ct)
    {
        string question = QueryText.Normalise(request.Question);
        if (request.Options?.WaitFor is { } position) await indexer.WaitForAsync(position, WaitLimit, ct);
        var collection = catalog.Find(request.Collection ?? Collections.Default) ?? await FromRecordAsync(request.Collection ?? Collections.Default, ct);
        var index = indexes.Find(collection.Id) ?? throw new RagException(
            ErrorKind.Unavailable, $"Collection '{collection.Name}' is not in this replica's index yet.", "Try again in a moment.");
        var asked = new Asked(question, collection, RetrievalModes.Parse(request.Options?.Mode), request.Options?.Filter, index, request.Options?.NoCache ?? false);
        try
        {
            if (asked.NoCache) return (await AnswerAsync(asked, ct), false);
            string key = LayeredCache.Key(
                question, collection.Id, asked.Mode.ToString(), FilterKey(asked.Filter), ExtractiveAnswerer.Version,
                index.Position.ToString(System.Globalization.CultureInfo.InvariantCulture));
            var (answer, hit) = await cache.GetAsync(
                CacheLayer.Question, key, (this, asked), static (s, token) => new ValueTask<RenderedAnswer>(s.Item1.AnswerAsync(s.asked, token)),
                // An answer that was overtaken by a change while it was made is given, not kept.
                a => !a.Answer.Degraded && a.Answer.IndexPosition == index.Position, a => OwnersOf(a.Answer), ct);
            metrics.Question(answer.Answer.Degraded ? "degraded" : answer.Answer.Outcome, hit);
            return (answer, hit);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            metrics.Question("failed", cached: false);
            throw;
        }
    }

    /// <summary>A collection that is not in the index: just made, or none. Only the record knows.</summary>
    private Task<Collection> FromRecordAsync(string name, CancellationToken ct)
    {
        state.Require();
        return collections.GetAsync(name, ct);
    }

    private async Task<RenderedAnswer> AnswerAsync(Asked asked, CancellationToken ct)
    {
        using var snapshot = asked.Index.Acquire();
        var found = await retriever.FindAsync(snapshot, asked.Question, asked.Mode, ExtractiveAnswerer.MaxEvidence, onePerDocument: false, asked.Filter, ct);
        var evidence = found.Chunks.Select(c => new Evidence(c.Chunk, c.Score, c.Coverage, c.Cosine)).ToList();
        bool lexicalOnly = found.Mode == RetrievalMode.Lexical;
        var (decision, hit) = await DecideAsync(asked, snapshot, found, evidence, lexicalOnly, ct);
        var basis = evidence.Select((e, i) => e with { Score = decision.Scores[i].Score, Coverage = decision.Scores[i].Coverage, Cosine = decision.Scores[i].Cosine }).ToList();
        var record = new AnswerRecord(
            Ids.New(time), asked.Question, asked.Collection.Id, asked.Collection.Name, asked.Collection.Language,
            decision.Selection.Abstained ? Answer.Abstained : Answer.Answered, found.Mode.ToString().ToLowerInvariant(), lexicalOnly,
            ExtractiveAnswerer.Version, snapshot.Position, found.Degraded, Math.Round(decision.Selection.Strength, 4), time.Microseconds(),
            decision.Terms, basis.ConvertAll(RecordedEvidence.From), decision.Selection.Units.Select(u => new RecordedChoice(u.Evidence, u.Unit)).ToList());
        provenance.Keep(record);
        var answer = AnswerRendering.Render(record, basis, hit ? CacheLayer.Evidence : null);
        var cached = answer with { Cached = true, CacheLayer = CacheLayer.Question };
        return new(answer, JsonSerializer.SerializeToUtf8Bytes(cached, AnsweringJson.Default.Answer));
    }

    private async Task<(Decision Decision, bool Hit)> DecideAsync(
        Asked asked, IndexSnapshot snapshot, RetrievalResult found, IReadOnlyList<Evidence> evidence, bool lexicalOnly, CancellationToken ct)
    {
        if (asked.NoCache) return (Decide(asked.Question, found, evidence, snapshot.Analyzer, lexicalOnly), false);
        var parts = new List<string> { asked.Question, ExtractiveAnswerer.Version, lexicalOnly ? "lexical" : "", asked.Collection.Language };
        foreach (var e in evidence)
        {
            parts.Add(e.Chunk.Hash);
            parts.Add(Convert.ToBase64String(e.Chunk.UnitBytes));
        }
        return await cache.GetAsync(
            CacheLayer.Evidence, LayeredCache.Key([.. parts]), (asked, found, evidence, snapshot, lexicalOnly),
            static (s, _) => ValueTask.FromResult(Decide(s.asked.Question, s.found, s.evidence, s.snapshot.Analyzer, s.lexicalOnly)), null, null, ct);
    }

    private static Decision Decide(string question, RetrievalResult found, IReadOnlyList<Evidence> evidence, Analyzer analyzer, bool lexicalOnly)
    {
        var terms = found.Query.Terms.Select(t => new RecordedTerm(t.Text, t.Idf)).ToList();
        var selection = ExtractiveAnswerer.Select(question, terms.ConvertAll(t => new WeightedTerm(t.Text, t.Idf)), evidence, analyzer, lexicalOnly);
        return new(selection, terms, evidence.Select(e => (e.Score, e.Coverage, e.Cosine)).ToList());
    }

    /// <summary>Documents whose words the answer holds.</summary>
    private static IEnumerable<string> OwnersOf(Answer answer) => answer.Sources.Select(s => s.Document).Concat(answer.LookedAt.Select(l => l.Document)).Distinct();

    private static string FilterKey(IReadOnlyDictionary<string, string>? filter) =>
        filter is null ? "" : string.Join('\n', filter.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key}={f.Value}"));
}
