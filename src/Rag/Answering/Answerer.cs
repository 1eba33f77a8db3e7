using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Lucene.Net.Analysis;
using Rag.Access;
using Rag.Answering.Generation;
using Rag.Audit;
using Rag.Caching;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference.Generation;
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

    /// <summary>As it is given to whoever asked: marked where nothing was computed for them.</summary>
    public Answer Given(bool cached) => cached ? Answer with { Cached = true, CacheLayer = CacheLayer.Question } : Answer;

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
internal sealed class Answerer(ISearchIndex index, IIndexer indexer, Retriever retriever, LayeredCache cache, Generator generator, QuestionRewriter rewriter, Provenance provenance, DataAccessLog accesses, TimeProvider time, AnsweringMetrics metrics, SecurityFeed security)
{
    private const int MaxAttempts = 4;
    private static readonly TimeSpan WaitLimit = TimeSpan.FromSeconds(10);

    /// <param name="Raw">The question as it was sent.</param>
    /// <param name="By">Who asks: the cache computes in a flow of its own, which knows neither them nor their trace.</param>
    /// <param name="Stream">Where sentences go before the answer is whole; null where nobody waits for them.</param>
    private sealed record Asked(
        string Raw, Actor By, Activity? Activity, string Question, Collection Collection, ReadScope Scope, RetrievalMode Mode, IReadOnlyDictionary<string, string>? Filter, bool NoCache,
        IReadOnlyList<AskTurn>? History, AnswerStream? Stream);

    /// <summary>Whether sentences may come before the answer is whole: a model makes it.</summary>
    public bool Streams => generator.Configured;

    /// <param name="stream">Takes sentences as they are settled, where this caller is the one for whom the answer is made; what the cache has comes at once.</param>
    /// <returns>The answer, and whether it was in the cache as it is.</returns>
    public async ValueTask<(RenderedAnswer Answer, bool Cached)> AskAsync(AskRequest request, CancellationToken ct, AnswerStream? stream = null)
    {
        string question = QueryText.Normalise(request.Question);
        var history = HistoryOf(request.History);
        if (request.Options?.WaitFor is { } position) await indexer.WaitForAsync(position, WaitLimit, ct);
        var collection = await retriever.CollectionAsync(request.Collection, ct);
        var caller = Caller.Current;
        var asked = new Asked(
            request.Question!, Actor.Current, Activity.Current, question, collection, caller.Scope, RetrievalModes.Parse(request.Options?.Mode), request.Options?.Filter, request.Options?.NoCache ?? false, history, stream);
        try
        {
            var (answer, hit) = await SettledAsync(asked, ct);
            if (!asked.NoCache) metrics.Question(answer.Answer.Degraded ? "degraded" : answer.Answer.Outcome, answer.Answer.Generation?.Mode ?? GenerationOptions.Extractive, hit);
            accesses.Note(answer.AccessIn(collection.Id, await retriever.IsPrivilegedAsync(collection, answer.Documents, caller, ct)));
            // Sentences that left before the answer was made anew were shown as well.
            if (stream?.Documents.Except(answer.Documents).Any() == true) await NoteAsync(asked, stream, caller);
            return (answer, hit);
        }
        catch (Exception e)
        {
            if (stream is { Count: > 0 }) await NoteAsync(asked, stream, caller);
            if (e is not OperationCanceledException) metrics.Question("failed", generator.Configured ? generator.Mode : GenerationOptions.Extractive, cached: false);
            throw;
        }
    }

    private async Task NoteAsync(Asked asked, AnswerStream stream, Caller caller) => accesses.Note(new("ask", asked.Collection.Id, asked.Question, stream.AnswerId, stream.Documents)
    {
        Privileged = await retriever.IsPrivilegedAsync(asked.Collection, stream.Documents, caller, CancellationToken.None),
    });

    private static IReadOnlyList<AskTurn>? HistoryOf(IReadOnlyList<AskTurn>? turns)
    {
        if (turns is not { Count: > 0 }) return null;
        if (turns.Count > AskRequest.MaxTurns) throw new RagException(ErrorKind.Invalid, $"The history has {turns.Count} turns; at most {AskRequest.MaxTurns} are read.", "Send the last ones.");
        return [.. turns.Select(t => t?.Answer is { Length: > AskTurn.MaxAnswerChars }
            ? throw new RagException(ErrorKind.Invalid, $"An answer in the history has more than {AskTurn.MaxAnswerChars:N0} characters.", "Shorten it, or leave it out.")
            : new AskTurn(QueryText.Normalise(t?.Question, "question in the history"), t!.Answer))];
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
            if (asked.Stream is { Count: > 0 } begun) begun.Mute();
            var (answer, hit) = asked.NoCache || attempt == MaxAttempts ? (await AnswerAsync(asked, ct), false) : await CachedAsync(asked, now, ct);
            if (index.StateOf(asked.Collection, asked.Scope) == now) return (answer, hit);
            // Overtaken. What another made while the state changed was made for what that one is shown.
            if (!hit && await index.ShowsAsync(asked.Collection, [.. answer.Documents], asked.Scope, ct)) return (answer, hit);
        }
        throw Retriever.Unsettled();
    }

    private ValueTask<(RenderedAnswer Answer, bool Hit)> CachedAsync(Asked asked, string? now, CancellationToken ct)
    {
        string key = LayeredCache.Key(asked.Question, asked.Collection.Id, asked.Mode.ToString(), FilterKey(asked.Filter), asked.History is null ? generator.Version : generator.Version + HistoryKey(asked.History), now ?? "");
        return cache.GetAsync(
            CacheLayer.Question, key, (this, asked), static (s, token) => new ValueTask<RenderedAnswer>(s.Item1.AnswerAsync(s.asked, token)),
            // An answer that was overtaken by a change while it was made is given, not kept.
            a => !a.Answer.Degraded && index.StateOf(asked.Collection, asked.Scope) == now, a => a.Documents, ct);
    }

    private async Task<RenderedAnswer> AnswerAsync(Asked asked, CancellationToken ct)
    {
        security.Question(asked.Raw, asked.By, asked.Activity);
        string? before = index.StateOf(asked.Collection, asked.Scope);
        long began = time.GetTimestamp();
        var rewriting = asked.History is null ? null : await rewriter.RewriteAsync(asked.History, asked.Question, asked.Collection.Language, Left(began), ct);
        string question = rewriting?.Question ?? asked.Question;
        var found = await retriever.FindAsync(asked.Collection, question, asked.Mode, generator.Chunks, onePerDocument: false, asked.Filter, asked.Scope, ct);
        var evidence = found.Chunks.Select(c => new Evidence(c.Chunk, c.Score, c.Coverage, c.Cosine)).ToList();
        long generating = Stopwatch.GetTimestamp();
        bool lexicalOnly = found.Mode == RetrievalMode.Lexical;
        var terms = found.Terms.Select(t => new WeightedTerm(t.Text, t.Idf)).ToList();
        string id = Ids.New(time);
        // A model is asked before the product chooses by itself, which it does while the model thinks.
        var extracted = new TaskCompletionSource<Selection>(TaskCreationOptions.RunContinuationsAsynchronously);
        var making = generator.Configured && evidence.Count > 0 ? MakeAsync(asked, before, id, question, evidence, extracted.Task, Left(began), ct) : null;
        var (selection, hit) = await ExtractAsync(asked, question, found.Analyzer, terms, evidence, lexicalOnly, extracted, ct);
        var record = new AnswerRecord(
            id, asked.Question, asked.Collection.Id, asked.Collection.Name, asked.Collection.Language,
            selection.Abstained ? Answer.Abstained : Answer.Answered, found.Mode.ToString().ToLowerInvariant(), lexicalOnly,
            ExtractiveAnswerer.Version, found.Position, Reasons(found.Degraded, rewriting?.Degraded), Math.Round(selection.Strength, 4), time.Microseconds(),
            terms.ConvertAll(t => new RecordedTerm(t.Text, t.Idf)), evidence.ConvertAll(RecordedEvidence.From), selection.Units.Select(u => new RecordedChoice(u.Evidence, u.Unit)).ToList(), asked.Scope.Groups,
            rewriting is null ? null : new(GenerationOptions.Extractive, RewrittenQuestion: rewriting.By is null ? null : question, RewrittenBy: rewriting.By, RewritePromptSha256: rewriting.PromptSha256));
        if (making is not null)
        {
            (var made, hit) = await making;
            record = Made(record, made, evidence);
        }
        metrics.Generated(generating);
        provenance.Keep(record);
        var answer = AnswerRendering.Render(record, evidence, hit ? CacheLayer.Evidence : null);
        var rendered = new RenderedAnswer(answer, default);
        return rendered with { CachedJson = JsonSerializer.SerializeToUtf8Bytes(rendered.Given(cached: true), AnsweringJson.Default.Answer) };
    }

    /// <summary>What is left of the time for a model.</summary>
    private TimeSpan Left(long began) => TimeSpan.FromMilliseconds(generator.TimeoutMs) - time.GetElapsedTime(began);

    private async Task<(Selection Selection, bool Hit)> ExtractAsync(
        Asked asked, string question, Analyzer analyzer, IReadOnlyList<WeightedTerm> terms, List<Evidence> evidence, bool lexicalOnly, TaskCompletionSource<Selection> extracted, CancellationToken ct)
    {
        try
        {
            var read = evidence.Count > ExtractiveAnswerer.MaxEvidence ? evidence.GetRange(0, ExtractiveAnswerer.MaxEvidence) : evidence;
            var (reading, hit) = await ReadAsync(question, asked, analyzer, terms, read, ct);
            var selection = ExtractiveAnswerer.Select(question, terms, evidence, reading, lexicalOnly);
            extracted.SetResult(selection);
            return (selection, hit);
        }
        catch
        {
            // Whoever makes an answer meanwhile does not wait for what will not come.
            extracted.TrySetCanceled(CancellationToken.None);
            throw;
        }
    }

    /// <summary>
    /// Has a model make an answer; it is asked once for the same question and the same passages in the same order, whatever is
    /// written elsewhere.
    /// </summary>
    /// <param name="before">State of the index before the evidence was found.</param>
    private async Task<(ModelAnswer Made, bool Hit)> MakeAsync(
        Asked asked, string? before, string id, string question, IReadOnlyList<Evidence> evidence, Task<Selection> extracted, TimeSpan left, CancellationToken ct)
    {
        Func<AnswerSentence, IReadOnlyList<AnswerSource>, ValueTask>? settled = asked.Stream is { } stream ? SettleAsync : null;
        Func<CancellationToken, ValueTask<ModelAnswer>> make = async token => await generator.AnswerAsync(question, asked.Collection.Language, evidence, extracted, new AnswerDraft(evidence, settled), left, token);
        if (asked.NoCache) return (await make(ct), false);
        var (made, hit) = await cache.GetAsync(
            CacheLayer.Evidence, LayeredCache.Key([question, generator.Version, asked.Collection.Language, .. evidence.Select(e => e.Chunk.Hash + Convert.ToBase64String(e.Chunk.UnitBytes))]),
            make, static (m, token) => m(token), a => a.Degraded is null, _ => evidence.Select(e => e.Chunk.DocumentId).Distinct(), ct);
        // What checked out and yet is not of this evidence is made again.
        return hit && !made.Sentences.All(s => s.Units.All(u => u.Evidence >= 0 && u.Evidence < evidence.Count && u.Unit >= 0 && u.Unit < evidence[u.Evidence].Chunk.Units.Count)) ? (await make(ct), false) : (made, hit);

        // A sentence leaves only where the asker is still shown everything that a model made it of.
        async ValueTask SettleAsync(AnswerSentence sentence, IReadOnlyList<AnswerSource> sources)
        {
            if (index.StateOf(asked.Collection, asked.Scope) != before && !await index.ShowsAsync(asked.Collection, [.. evidence.Select(e => e.Chunk.DocumentId).Distinct()], asked.Scope, ct)) stream.Mute();
            stream.Settle(id, sentence, sources);
        }
    }

    /// <summary>The record of an extraction as that of a model's answer.</summary>
    private AnswerRecord Made(AnswerRecord record, ModelAnswer made, IReadOnlyList<Evidence> evidence)
    {
        var numbers = new SourceNumbers();
        var sentences = AnswerRendering.Keep(record.Id, evidence, made.Sentences, numbers);
        return record with
        {
            Outcome = made.Sentences.Count == 0 ? Answer.Abstained : Answer.Answered,
            Answerer = made.Answerer,
            DegradedReason = Reasons(record.DegradedReason, made.Degraded),
            Choices = [.. numbers.Units.Select(u => new RecordedChoice(u.Evidence, u.Unit))],
            Generation = (record.Generation ?? new(made.Mode)) with
            {
                Mode = made.Mode, Model = generator.Model, Prompt = generator.PromptVersion, PromptSha256 = made.PromptSha256, Fence = made.Fence, ContextTokens = made.ContextTokens,
                MaxOutputTokens = made.MaxOutputTokens, Chunks = made.Chunks, Withheld = made.Withheld, Replaced = made.Replaced, Dropped = made.Dropped, Sentences = sentences,
            },
        };
    }

    /// <summary>
    /// Reads the evidence, or has it read already. The key holds all that a reading depends on, and the chunks in an order of
    /// their own: that they rank otherwise after a write elsewhere does not make their content another.
    /// </summary>
    private async Task<(EvidenceReading Reading, bool Hit)> ReadAsync(
        string question, Asked asked, Analyzer analyzer, IReadOnlyList<WeightedTerm> terms, IReadOnlyList<Evidence> evidence, CancellationToken ct)
    {
        string[] words = [.. terms.Select(t => t.Text)];
        if (asked.NoCache) return (ExtractiveAnswerer.Read(words, [.. evidence.Select(e => e.Chunk)], analyzer), false);
        var content = evidence.Select((e, i) => (Key: e.Chunk.Hash + Convert.ToBase64String(e.Chunk.UnitBytes), Place: i)).OrderBy(c => c.Key, StringComparer.Ordinal).ToList();
        IndexedChunk[] chunks = [.. content.Select(c => evidence[c.Place].Chunk)];
        var (reading, hit) = await cache.GetAsync(
            CacheLayer.Evidence, LayeredCache.Key([question, ExtractiveAnswerer.Version, asked.Collection.Language, .. content.Select(c => c.Key)]), (words, chunks, analyzer),
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

    private static string? Reasons(string? one, string? other) => one is null || other is null || one == other ? one ?? other : $"{one} {other}";

    private static string HistoryKey(IReadOnlyList<AskTurn> history) => LayeredCache.Key([.. history.SelectMany(t => new[] { t.Question, t.Answer ?? "" })]);
}
