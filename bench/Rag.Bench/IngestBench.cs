using System.Diagnostics;
using System.Text;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Configuration;
using Rag.Evaluation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Bench;

/// <summary>
/// Plain-text files from bytes to found, against bare Lucene.NET indexing plus SQLite inserts of the same texts; and
/// with embeddings against the bare model on the same chunks.
/// </summary>
internal static class IngestBench
{
    private const int InFlight = 64;
    private const int RowsPerTransaction = 128;

    private static readonly TimeSpan WaitLimit = TimeSpan.FromMinutes(5);

    /// <summary>Documents a second, without embeddings.</summary>
    public static async Task<BenchResult> RunAsync(bool quick, CancellationToken ct)
    {
        int documents = quick ? 1_000 : 8_000, rounds = quick ? 3 : 5;
        var files = Files(documents, paragraphs: 5);
        double oursCpu = 0, bareCpu = 0;
        var results = await Rounds.RunAsync(rounds,
            async _ => documents / await CpuAsync(() => OursAsync(files, Settings.NoModel, _ => Task.CompletedTask, ct), ms => oursCpu = ms),
            async _ => documents / await CpuAsync(() => BareAsync(files, ct), ms => bareCpu = ms));
        return BenchResult.Of("ingest", "documents/s", results, new Dictionary<string, double>
        {
            ["documents"] = documents,
            ["ours_cpu_ms_each"] = BenchResult.Round(oursCpu / documents),
            ["baseline_cpu_ms_each"] = BenchResult.Round(bareCpu / documents),
            ["kilobytes_each"] = BenchResult.Round(files.Average(f => f.Content.Length) / 1000.0),
        });
    }

    /// <summary>Chunks a second, with embeddings.</summary>
    public static async Task<BenchResult> RunWithEmbeddingsAsync(bool quick, CancellationToken ct)
    {
        int documents = quick ? 10 : 60, rounds = quick ? 2 : 5;
        var files = Files(documents, paragraphs: 8);
        var chunks = await ChunkTextsAsync(files, ct);
        int threads = new Inference.InferenceOptions().Threads;
        using var onnx = new BareOnnx(threads: 1);
        var results = await Rounds.RunAsync(rounds,
            async _ => chunks.Count / await OursAsync(files, Settings.NoCache, store => UntilEmbeddedAsync(store, ct), ct),
            _ => Task.FromResult(chunks.Count / BareEmbedding(onnx, chunks, threads)));
        return BenchResult.Of("ingest-embedded", "chunks/s", results, new Dictionary<string, double> { ["chunks"] = chunks.Count, ["threads"] = threads });
    }

    /// <summary>Runs one side and says what processor time it took, milliseconds over all threads.</summary>
    private static async Task<double> CpuAsync(Func<Task<double>> side, Action<double> cpu)
    {
        var before = Environment.CpuUsage.TotalTime;
        double seconds = await side();
        cpu((Environment.CpuUsage.TotalTime - before).TotalMilliseconds);
        return seconds;
    }

    private static List<IncomingFile> Files(int count, int paragraphs)
    {
        var text = new GeneratedText(11);
        return Enumerable.Range(0, count).Select(i => new IncomingFile($"files/{i}.txt", Encoding.UTF8.GetBytes(text.Document(paragraphs)))).ToList();
    }

    /// <summary>Seconds until the last file is found by search.</summary>
    private static async Task<double> OursAsync(IReadOnlyList<IncomingFile> files, IConfiguration settings, Func<ScratchStore, Task> until, CancellationToken ct)
    {
        await using var store = await ScratchStore.StartNewAsync(settings, ct);
        var collection = await store.Get<Collections>().EnsureAsync(Collections.Default, language: null, ct);
        await store.Get<Inference.Embedder>().WarmAsync(ct);
        var ingestor = store.Get<Ingestor>();
        long started = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(files, new ParallelOptions { MaxDegreeOfParallelism = InFlight, CancellationToken = ct }, async (file, token) =>
        {
            await foreach (var outcome in ingestor.IngestAsync(collection, file, token))
                if (outcome.Status != IngestOutcome.Created) throw new InvalidOperationException($"{outcome.Uri} is {outcome.Status}: {outcome.Message}");
        });
        await until(store);
        await store.Get<IIndexer>().WaitForAsync(await store.Get<ChangeLog>().LastAsync(ct), WaitLimit, ct);
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static async Task UntilEmbeddedAsync(ScratchStore store, CancellationToken ct)
    {
        var record = store.Get<DocumentRecord>();
        while (await record.CountAsync(null, ct) is var counts && counts.Embedded < counts.Chunks) await Task.Delay(10, ct);
    }

    /// <summary>Seconds for rows in SQLite, as durable as the product's, and an index that is committed and open for search.</summary>
    private static async Task<double> BareAsync(IReadOnlyList<IncomingFile> files, CancellationToken ct)
    {
        string folder = Directory.CreateTempSubdirectory("rag-bare-").FullName;
        try
        {
            using var lucene = new BareLucene();
            await using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = Path.Combine(folder, "bare.db"), Pooling = false }.ToString());
            await connection.OpenAsync(ct);
            await using var create = connection.CreateCommand();
            create.CommandText = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE documents (id INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE, text TEXT NOT NULL)";
            await create.ExecuteNonQueryAsync(ct);
            await using var insert = connection.CreateCommand();
            insert.CommandText = "INSERT INTO documents (uri, text) VALUES (@uri, @text)";
            var (uri, body) = (insert.Parameters.Add("@uri", SqliteType.Text), insert.Parameters.Add("@text", SqliteType.Text));
            long started = Stopwatch.GetTimestamp();
            foreach (var batch in files.Chunk(RowsPerTransaction))
            {
                await using var transaction = connection.BeginTransaction();
                insert.Transaction = transaction;
                foreach (var file in batch)
                {
                    string text = Encoding.UTF8.GetString(file.Content.Span);
                    (uri.Value, body.Value) = (file.Uri, text);
                    await insert.ExecuteNonQueryAsync(ct);
                    lucene.Add(file.Uri, text);
                }
                await transaction.CommitAsync(ct);
            }
            lucene.Commit();
            return Stopwatch.GetElapsedTime(started).TotalSeconds;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Seconds to embed the texts, longest first, on so many threads.</summary>
    private static double BareEmbedding(BareOnnx onnx, IReadOnlyList<string> texts, int threads)
    {
        var order = texts.OrderByDescending(t => t.Length).ToList();
        long started = Stopwatch.GetTimestamp();
        int next = -1;
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, _ =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < order.Count;) onnx.Embed(order[i]);
        });
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>What the product embeds of these files: its own chunks, with what it puts in front of them.</summary>
    private static async Task<List<string>> ChunkTextsAsync(IReadOnlyList<IncomingFile> files, CancellationToken ct)
    {
        // The vocabulary sizes chunks with every provider, so these are the chunks that the model gets.
        await using var store = await ScratchStore.StartNewAsync(Settings.NoModel, ct);
        var collection = await store.Get<Collections>().EnsureAsync(Collections.Default, language: null, ct);
        foreach (var file in files)
            await foreach (var _ in store.Get<Ingestor>().IngestAsync(collection, file, ct)) { }
        await store.Get<IIndexer>().WaitForAsync(await store.Get<ChangeLog>().LastAsync(ct), WaitLimit, ct);
        using var snapshot = store.Get<IndexStore>().Open.Single().Acquire();
        return Enumerable.Range(0, snapshot.Reader.MaxDoc).Select(d => snapshot.Load(d).SearchText).ToList();
    }
}
