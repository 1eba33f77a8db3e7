namespace Rag.Bench.Verify;

/// <summary>The comparisons whose ratios are promised.</summary>
internal static class SpeedChecks
{
    public static IEnumerable<Check> All()
    {
        yield return Ratio("cached", "requests/s of a cached answer over HTTP, against bare Kestrel returning the same bytes", Relation.AtLeast, 0.6, CachedBench.RunAsync);
        yield return Ratio("ask", "p95 of an uncached ask, against bare Lucene.NET search plus bare ONNX embedding of the same question", Relation.AtMost, 2, AskBench.RunAsync);
        yield return Ratio("ingest", "documents/s from bytes to found, against bare Lucene.NET indexing plus SQLite inserts", Relation.AtLeast, 0.5, IngestBench.RunAsync);
        yield return Ratio("ingest-embedded", "chunks/s from bytes to found by meaning, against bare ONNX on the same chunks", Relation.AtLeast, 0.9, IngestBench.RunWithEmbeddingsAsync);
        yield return new("startup", "seconds until ready with 200,000 chunks, the slowest of several starts", Relation.AtMost, 2, async (context, ct) =>
        {
            var result = await StartupBench.RunAsync(context.Quick, ct);
            string note = Detail(result);
            return new(result.Detail["slowest_s"], context.Quick ? $"{note}; smaller: {StartupBench.QuickChunks} chunks of {StartupBench.Chunks}" : note);
        });
    }

    private static Check Ratio(string name, string what, Relation relation, double bound, Func<bool, CancellationToken, Task<BenchResult>> run) =>
        new(name, what, relation, bound, async (context, ct) =>
        {
            var result = await run(context.Quick, ct);
            string note = $"{result.Ours} against {result.Baseline} {result.Unit}; {result.Rounds} rounds from {result.RatioLow} to {result.RatioHigh}; {Detail(result)}";
            return new(result.Ratio!.Value, context.Quick ? note + "; smaller: fewer and shorter rounds" : note);
        });

    private static string Detail(BenchResult result) => string.Join(", ", result.Detail.Select(d => $"{d.Key} {d.Value}"));
}
