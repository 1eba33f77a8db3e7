using Rag.Evaluation;
using Rag.Retrieval;

namespace Rag.Bench.Verify;

/// <summary>Ranking and answers on the judged collections.</summary>
internal static class RetrievalChecks
{
    private const int QuickForeign = 150;

    public static IEnumerable<Check> All()
    {
        yield return Ndcg("scifact", RetrievalMode.Lexical, 0.675);
        yield return Ndcg("scifact", RetrievalMode.Dense, 0.66);
        yield return Ndcg("scifact", RetrievalMode.Hybrid, 0.73);
        yield return Ndcg("cranfield", RetrievalMode.Lexical, 0.365);
        yield return Ndcg("cranfield", RetrievalMode.Dense, 0.40);
        yield return Ndcg("cranfield", RetrievalMode.Hybrid, 0.435);
        yield return Ndcg("squad2", RetrievalMode.Hybrid, 0.905);
        yield return new("squad2-gold-in-answer", "share of squad2's answerable questions whose gold answer stands in an answer of at most three units", Relation.AtLeast, 0.75,
            (context, ct) => AskAsync(context, OwnAsync, t => (double)t.WithGold / t.Asked, ct));
        yield return new("squad2-declined-answerable", "share of squad2's answerable questions that are declined", Relation.AtMost, 0.05,
            (context, ct) => AskAsync(context, OwnAsync, t => (double)t.Declined / t.Asked, ct));
        yield return new("squad2-declined-foreign", "share of SciFact's claims that are declined when put to squad2", Relation.AtLeast, 0.92,
            (context, ct) => AskAsync(context, ClaimsAsync, t => (double)t.Declined / t.Asked, ct));
        yield return new("squad2-declined-unanswerable", "share of squad2's own unanswerable questions that are declined", Relation.Reported, null,
            (context, ct) => AskAsync(context, UnanswerableAsync, t => (double)t.Declined / t.Asked, ct));
    }

    private static Check Ndcg(string collection, RetrievalMode mode, double bound)
    {
        string name = mode.ToString().ToLowerInvariant();
        return new($"{collection}-{name}", $"nDCG@10 of {name} retrieval on {collection}", Relation.AtLeast, bound, async (context, ct) =>
        {
            var loaded = await context.CollectionAsync(collection, vectors: mode != RetrievalMode.Lexical, ct);
            var report = await new Evaluator(loaded.Store).RankAsync(loaded.Source, mode, null, ct);
            string note = $"recall@100 {report.RecallAt100}, p50 {report.P50Ms} ms, p95 {report.P95Ms} ms, {report.Queries} queries";
            return new(report.NdcgAt10, loaded.Smaller is null ? note : $"{note}; smaller: {loaded.Smaller}");
        });
    }

    private static async Task<Measured> AskAsync(
        CheckContext context, Func<CheckContext, LoadedCollection, CancellationToken, Task<IReadOnlyList<BeirQuery>>> questions, Func<AnswerTally, double> figure, CancellationToken ct)
    {
        var loaded = await context.CollectionAsync("squad2", vectors: true, ct);
        var tally = await new Evaluator(loaded.Store).AskAsync(loaded.Source, await questions(context, loaded, ct), RetrievalMode.Hybrid, null, ct);
        string note = $"{tally.Asked} questions";
        return new(Math.Round(figure(tally), 4), loaded.Smaller is null ? note : $"{note}; smaller: {loaded.Smaller}");
    }

    private static Task<IReadOnlyList<BeirQuery>> OwnAsync(CheckContext context, LoadedCollection loaded, CancellationToken ct) => Task.FromResult(Evaluator.Answerable(loaded.Source));

    private static async Task<IReadOnlyList<BeirQuery>> ClaimsAsync(CheckContext context, LoadedCollection loaded, CancellationToken ct)
    {
        var claims = await BeirCollection.ReadQueriesAsync(Path.Combine(CheckContext.DataFolder("scifact"), "queries.jsonl"), ct);
        return context.Quick ? claims.Take(QuickForeign).ToList() : claims;
    }

    private static async Task<IReadOnlyList<BeirQuery>> UnanswerableAsync(CheckContext context, LoadedCollection loaded, CancellationToken ct)
    {
        var all = await BeirCollection.ReadQueriesAsync(Path.Combine(CheckContext.DataFolder("squad2"), "unanswerable.jsonl"), ct);
        return context.Quick ? all.Take(QuickForeign).ToList() : all;
    }
}
