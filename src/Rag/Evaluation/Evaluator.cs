using System.Collections.Concurrent;
using System.Diagnostics;
using Rag.Access;
using Rag.Answering;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference;
using Rag.Inference.Generation;
using Rag.Ingestion;
using Rag.Ingestion.Parsing;
using Rag.Retrieval;
using Rag.Storage;

namespace Rag.Evaluation;

/// <summary>What became of a set of questions: how many, how many were declined, how many answers held their gold.</summary>
internal readonly record struct AnswerTally(int Asked, int Declined, int WithGold);

/// <summary>
/// Evaluates a test collection in a store: takes it in the way every document comes in, then puts its queries and
/// questions the way every client does. Wants a store whose cache is off, so that every query is computed.
/// </summary>
internal sealed class Evaluator(ScratchStore store)
{
    /// <summary>Units that an answer may have for its gold to count.</summary>
    public const int MaxUnits = 3;

    private const int RankDepth = 10, RecallDepth = 100;
    private const int WarmUpQueries = 8;
    private const int InFlight = 64;
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>Without any progress for this long, waiting ends with an error.</summary>
    private static readonly TimeSpan StallLimit = TimeSpan.FromMinutes(5);

    /// <summary>Takes the documents in; completes when all of them can be found, by their words and by their vectors.</summary>
    public async Task LoadAsync(BeirCollection source, IProgress<EvaluationProgress>? progress, CancellationToken ct)
    {
        var collection = await store.Get<Collections>().EnsureAsync(NameOf(source), language: null, ct);
        var ingestor = store.Get<Ingestor>();
        var pending = new Queue<Task>();
        long done = 0;
        // One after the other into the queue, so that the same collection always has the same order in the record.
        foreach (var document in source.Corpus)
        {
            if (Parse(document) is { } parsed)
                pending.Enqueue(ingestor.RecordAsync(collection, new(document.Id, ReadOnlyMemory<byte>.Empty), Sha256.Hex(parsed.Text), parsed, ct));
            if (pending.Count >= InFlight) await pending.Dequeue();
            progress?.Report(new("ingest", ++done, source.Corpus.Count));
        }
        await Task.WhenAll(pending);
        await WaitUntilEmbeddedAsync(collection, progress, ct);
        await store.Get<IIndexer>().WaitForAsync(await store.Get<ChangeLog>().LastAsync(ct), StallLimit, ct);
    }

    /// <summary>Ranks documents for every judged query, one at a time.</summary>
    public async Task<EvaluationReport> RankAsync(BeirCollection source, RetrievalMode mode, IProgress<EvaluationProgress>? progress, CancellationToken ct)
    {
        var queries = source.Queries.Where(q => source.Judgments.ContainsKey(q.Id) && !string.IsNullOrWhiteSpace(q.Text)).ToList();
        var texts = source.Corpus.ToLookup(d => d.Id, d => d.Text);
        var collection = await store.Get<Collections>().GetAsync(NameOf(source), ct);
        foreach (var query in queries.Take(WarmUpQueries)) await FindAsync(query);
        double ndcg = 0, recall = 0;
        var times = new List<double>(queries.Count);
        foreach (var query in queries)
        {
            long started = Stopwatch.GetTimestamp();
            var found = await FindAsync(query);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            var ranked = found.Chunks.Select(c => c.Chunk.Uri).Where(id => !IsItself(query, id)).Take(RecallDepth).ToList();
            ndcg += RankingScores.Ndcg(ranked, source.Judgments[query.Id], RankDepth);
            recall += RankingScores.Recall(ranked, source.Judgments[query.Id], RecallDepth);
            progress?.Report(new("search", times.Count, queries.Count));
        }
        int count = Math.Max(1, queries.Count);
        return new(
            source.Name, mode.ToString().ToLowerInvariant(), queries.Count, Math.Round(ndcg / count, 4), Math.Round(recall / count, 4),
            Math.Round(RankingScores.Percentile(times, 0.5), 2), Math.Round(RankingScores.Percentile(times, 0.95), 2));

        Task<RetrievalResult> FindAsync(BeirQuery query) => store.Get<Retriever>().FindAsync(
            collection, Cut(query.Text), mode, RecallDepth + 1, onePerDocument: true, filter: null, ReadScope.Everything, ct);

        // Where queries are documents of the collection (counter-arguments, duplicates), finding the query is no find.
        bool IsItself(BeirQuery query, string id) => id == query.Id && texts[id].Contains(query.Text);
    }

    /// <summary>Asks questions, several at a time; gold answers count where the collection has them.</summary>
    public async Task<AnswerTally> AskAsync(BeirCollection source, IReadOnlyList<BeirQuery> questions, RetrievalMode mode, IProgress<EvaluationProgress>? progress, CancellationToken ct)
    {
        var answerer = store.Get<Answerer>();
        var options = new AskOptions(mode.ToString().ToLowerInvariant());
        int done = 0, declined = 0, withGold = 0;
        await Parallel.ForEachAsync(questions, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = ct }, async (question, token) =>
        {
            var answer = (await answerer.AskAsync(new(Cut(question.Text), NameOf(source), Options: options), token)).Answer.Answer;
            if (answer.Outcome == Answer.Abstained) Interlocked.Increment(ref declined);
            else if (answer.Sentences.Count <= MaxUnits && source.Answers.TryGetValue(question.Id, out var gold) && GoldAnswers.AnyIn(answer.Text, gold)) Interlocked.Increment(ref withGold);
            progress?.Report(new("ask", Interlocked.Increment(ref done), questions.Count));
        });
        return new(questions.Count, declined, withGold);
    }

    /// <summary>Asks judged questions, several at a time, and looks at what a language model made of them; wants a store that has one.</summary>
    public async Task<GenerationScores> GenerateAsync(BeirCollection source, RetrievalMode mode, IProgress<EvaluationProgress>? progress, CancellationToken ct)
    {
        var questions = source.Queries.Where(q => source.Judgments.ContainsKey(q.Id) && !string.IsNullOrWhiteSpace(q.Text)).ToList();
        var answerer = store.Get<Answerer>();
        var options = new AskOptions(mode.ToString().ToLowerInvariant());
        var answers = new ConcurrentBag<(BeirQuery Question, Answer Answer)>();
        await Parallel.ForEachAsync(questions, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = ct }, async (question, token) =>
        {
            answers.Add((question, (await answerer.AskAsync(new(Cut(question.Text), NameOf(source), Options: options), token)).Answer.Answer));
            progress?.Report(new("generate", answers.Count, questions.Count));
        });
        int sentences = answers.Sum(a => a.Answer.Sentences.Count), written = answers.Sum(a => a.Answer.Sentences.Count(s => s.Kind == AnswerSentence.Composed)), withheld = answers.Sum(a => a.Answer.Generation?.Withheld ?? 0);
        int cited = 0, relevant = 0, found = 0, wanted = 0;
        foreach (var (question, answer) in answers.Where(a => a.Answer.Outcome == Answer.Answered))
        {
            var judged = source.Judgments[question.Id].Where(j => j.Value > 0).Select(j => j.Key).ToHashSet();
            var documents = answer.Sources.Select(s => s.Uri).ToList();
            (cited, relevant) = (cited + documents.Count, relevant + documents.Count(judged.Contains));
            (found, wanted) = (found + judged.Count(documents.Contains), wanted + judged.Count);
        }
        var generation = store.Get<GenerationOptions>();
        return new(
            generation.Model ?? "", generation.Mode, answers.Count, Fraction(answers.Count(a => a.Answer.Degraded), answers.Count), Fraction(answers.Count(a => a.Answer.Outcome == Answer.Abstained), answers.Count),
            sentences, written + withheld, Fraction(written, written + withheld), withheld, answers.Sum(a => a.Answer.Generation?.Replaced ?? 0), Fraction(relevant, cited), Fraction(found, wanted));
    }

    /// <summary>Holds the collection's conversations, each turn after the answers that the product gave before, and asks every follow-up alone as well.</summary>
    public async Task<ConversationScores?> ConverseAsync(BeirCollection source, RetrievalMode mode, IProgress<EvaluationProgress>? progress, CancellationToken ct)
    {
        if (source.Conversations.Count == 0) return null;
        var answerer = store.Get<Answerer>();
        var options = new AskOptions(mode.ToString().ToLowerInvariant());
        int done = 0, followUps = 0, rewritten = 0, declined = 0, judged = 0, withGold = 0, aloneWithGold = 0;
        foreach (var conversation in source.Conversations)
        {
            var history = new List<AskTurn>();
            foreach (var turn in conversation.Turns)
            {
                string question = Cut(turn.Question);
                var answer = await AskAsync(question, history);
                if (history.Count > 0)
                {
                    followUps++;
                    if (answer.Generation?.RewrittenQuestion is not null) rewritten++;
                    if (answer.Outcome == Answer.Abstained) declined++;
                    if (turn.Answers.Count > 0)
                    {
                        judged++;
                        if (GoldAnswers.AnyIn(answer.Text, turn.Answers)) withGold++;
                        if (GoldAnswers.AnyIn((await AskAsync(question, null)).Text, turn.Answers)) aloneWithGold++;
                    }
                }
                history.Add(new(question, answer.Outcome == Answer.Abstained ? null : answer.Text.Length > AskTurn.MaxAnswerChars ? answer.Text[..AskTurn.MaxAnswerChars] : answer.Text));
                if (history.Count > AskRequest.MaxTurns) history.RemoveAt(0);
            }
            progress?.Report(new("converse", ++done, source.Conversations.Count));
        }
        return new(source.Conversations.Count, followUps, Fraction(rewritten, followUps), Fraction(declined, followUps), Fraction(withGold, judged), Fraction(aloneWithGold, judged));

        async Task<Answer> AskAsync(string question, IReadOnlyList<AskTurn>? history) => (await answerer.AskAsync(new(question, NameOf(source), Options: options, History: history), ct)).Answer.Answer;
    }

    /// <summary>The questions that have gold answers.</summary>
    public static IReadOnlyList<BeirQuery> Answerable(BeirCollection source) =>
        source.Queries.Where(q => source.Answers.ContainsKey(q.Id) && !string.IsNullOrWhiteSpace(q.Text)).ToList();

    /// <summary>A report with what the answers were worth.</summary>
    public static AnswerEvaluationReport WithAnswers(EvaluationReport ranking, AnswerTally own, AnswerTally foreign) => new(
        ranking.Collection, ranking.Mode, ranking.Queries, ranking.NdcgAt10, ranking.RecallAt100, ranking.P50Ms, ranking.P95Ms,
        own.Asked, Fraction(own.WithGold, own.Asked) ?? 0, Fraction(own.Declined, own.Asked) ?? 0,
        foreign.Asked, Fraction(foreign.Declined, foreign.Asked));

    private static double? Fraction(int part, int whole) => whole == 0 ? null : Math.Round((double)part / whole, 4);

    private async Task WaitUntilEmbeddedAsync(Collection collection, IProgress<EvaluationProgress>? progress, CancellationToken ct)
    {
        if (!store.Get<Embedder>().Available) return;
        var record = store.Get<DocumentRecord>();
        var time = store.Get<TimeProvider>();
        long last = -1, since = time.GetTimestamp();
        while (true)
        {
            var counts = await record.CountAsync(collection.Id, ct);
            progress?.Report(new("embed", counts.Embedded, counts.Chunks));
            if (counts.Embedded == counts.Chunks) return;
            if (counts.Embedded != last) (last, since) = (counts.Embedded, time.GetTimestamp());
            else if (time.GetElapsedTime(since) > StallLimit)
                throw new RagException(ErrorKind.Unavailable, $"Embedding stands still at {last} of {counts.Chunks} chunks.", "Check the section Inference; 'rag status' says what is wrong with the model.");
            await Task.Delay(PollInterval, time, ct);
        }
    }

    /// <summary>A document whose text is empty is found by its title; one without either is left out.</summary>
    private static ParsedDocument? Parse(BeirDocument document)
    {
        var builder = new ParsedTextBuilder(int.MaxValue);
        builder.Paragraph(document.Text);
        if (builder.IsEmpty) builder.Paragraph(document.Title);
        return builder.IsEmpty ? null : builder.Build(document.Title, "text/plain");
    }

    /// <summary>A query as the doors take it; a few collections have queries that are whole articles.</summary>
    private static string Cut(string text)
    {
        if (text.Length > QueryText.MaxChars) text = text[..(char.IsHighSurrogate(text[QueryText.MaxChars - 1]) ? QueryText.MaxChars - 1 : QueryText.MaxChars)];
        return QueryText.Normalise(text);
    }

    /// <summary>The folder's name where it may name a collection here.</summary>
    private static string NameOf(BeirCollection source)
    {
        string name = string.Concat(source.Name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')).Trim('-');
        return name.Length == 0 ? Collections.Default : name[..Math.Min(name.Length, 64)];
    }
}
