using System.Diagnostics;
using Rag.Access;
using Rag.Evaluation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;

namespace Rag.Bench.Verify.Protect;

/// <summary>What people are not shown, they are not told, by no door, no replica and no cache.</summary>
internal static class PermissionChecks
{
    private const int Cases = 100_000, QuickCases = 2_000;
    private const int ReplicaCases = 20_000, QuickReplicaCases = 1_000;
    private const int FilterChunks = 20_000, QuickFilterChunks = 4_000, WarmUp = 20, Questions = 400;

    private const string What = "told of a document that was taken from them before they asked, or not told of one that was theirs all the while";

    public static IEnumerable<Check> All()
    {
        yield return new("permissions-local", $"random people {What}: index on the replica's disk", Relation.AtMost, 0,
            (context, ct) => RunAsync(PermissionSite.LocalAsync, context.Quick ? QuickCases : Cases, context.Quick, 31, ct));
        yield return new("permissions-pgvector", $"random people {What}: index in PostgreSQL", Relation.AtMost, 0,
            (context, ct) => RunAsync(PermissionSite.PgvectorAsync, context.Quick ? QuickCases : Cases, context.Quick, 32, ct));
        yield return new("permissions-replicas", $"random people {What}: three replicas, Redis between them", Relation.AtMost, 0,
            (context, ct) => RunAsync(PermissionSite.ReplicasAsync, context.Quick ? QuickReplicaCases : ReplicaCases, context.Quick, 33, ct));
        yield return new("permissions-filter-cost", "time of a search within three of ten groups, over the time of a search in everything", Relation.Reported, null,
            (context, ct) => FilterCostAsync(context.Quick ? QuickFilterChunks : FilterChunks, ct));
    }

    private static async Task<Measured> RunAsync(Func<CancellationToken, Task<PermissionSite>> start, int cases, bool quick, int seed, CancellationToken ct)
    {
        await using var site = await start(ct);
        var world = await PermissionWorld.MakeAsync(site.Replicas[0], quick ? 3 : 4, quick ? 12 : 40, seed, ct);
        return await new PermissionCases(site, world, seed).RunAsync(cases, ct);
    }

    /// <summary>The same questions in one index, in turns, so that what the machine does beside it falls on all alike.</summary>
    private static async Task<Measured> FilterCostAsync(int chunks, CancellationToken ct)
    {
        await using var store = await ScratchStore.CreateAsync(Settings.NoModel, ct);
        var search = (LocalSearchIndex)store.Get<ISearchIndex>();
        int pool = store.Get<RetrievalOptions>().Candidates;
        string limitedFolder = Directory.CreateTempSubdirectory("rag-filter-").FullName, openFolder = Directory.CreateTempSubdirectory("rag-filter-").FullName;
        try
        {
            using var limited = GrowthBench.Build(limitedFolder, chunks, d => d % 10 == 0 ? [] : [$"group-{d % 10}"], ct);
            using var open = GrowthBench.Build(openFolder, chunks, _ => [], ct);
            using var some = limited.Acquire();
            using var all = open.Acquire();
            var reader = ReadScope.Of(["group-1", "group-2", "group-3"]);
            var text = new GeneratedText(41);
            var random = new Random(42);
            var (everything, filtered, unlimited) = (new List<double>(), new List<double>(), new List<double>());
            for (int i = 0; i < WarmUp + Questions; i++)
            {
                string question = text.QuestionOn(all.Load(random.Next(all.Reader.MaxDoc)).Text);
                float[] vector = text.UnitVector(GrowthBench.Dimensions);
                double a = Time(some, ReadScope.Everything), b = Time(some, reader), c = Time(all, reader);
                if (i < WarmUp) continue;
                everything.Add(a);
                filtered.Add(b);
                unlimited.Add(c);

                double Time(IndexSnapshot snapshot, ReadScope scope)
                {
                    long started = Stopwatch.GetTimestamp();
                    search.Search(snapshot, new(question, vector, RetrievalMode.Hybrid, 5, pool, OnePerDocument: false, Facts: null, scope));
                    return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
                }
            }
            double P50(List<double> times) => RankingScores.Percentile(times, 0.5);
            return new(Math.Round(P50(filtered) / P50(everything), 3),
                $"p50 of {Questions} hybrid searches in {chunks} chunks: everything {P50(everything):F2} ms, within three groups {P50(filtered):F2} ms; where nothing is limited, somebody with groups {P50(unlimited):F2} ms, {P50(unlimited) / P50(everything):F3} of everything");
        }
        finally
        {
            Directory.Delete(limitedFolder, recursive: true);
            Directory.Delete(openFolder, recursive: true);
        }
    }
}
