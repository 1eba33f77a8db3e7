using System.Diagnostics;
using System.Globalization;
using Rag.Access;
using Rag.Evaluation;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;
using Rag.Storage;

namespace Rag.Bench;

/// <summary>
/// How one collection grows: generated text and random unit vectors through the real index, then the real retrieval on
/// it. Each size is opened and asked in a process of its own, so that its memory is its own.
/// </summary>
internal static class GrowthBench
{
    public const string OpenCommand = "growth-open";

    public static readonly IReadOnlyList<int> DefaultSizes = [10_000, 100_000, 1_000_000];

    private const string Model = "generated";
    public const int Dimensions = 384;
    private const int SentencesPerChunk = 5;
    private const int ChunksPerDocument = 20;
    private const int WarmUp = 20, Questions = 300;

    /// <summary>A line for each size.</summary>
    public static async Task RunAsync(IReadOnlyList<int> sizes, Action<BenchResult> done, CancellationToken ct)
    {
        foreach (int size in sizes)
        {
            string folder = Directory.CreateTempSubdirectory("rag-growth-").FullName;
            try
            {
                long started = Stopwatch.GetTimestamp();
                Build(folder, size, static _ => [], ct).Dispose();
                double buildSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
                var detail = await OpenInChildAsync(folder, ct);
                detail["chunks"] = size;
                detail["build_s"] = BenchResult.Round(buildSeconds);
                detail["disk_mb"] = BenchResult.Round(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length) / 1048576.0);
                done(BenchResult.Alone("growth-" + size.ToString(CultureInfo.InvariantCulture), "ms, p95", detail["p95_ms"], detail));
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    /// <summary>The other process: opens the index, searches, prints name=value lines.</summary>
    public static async Task<int> OpenAsync(string folder, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        using var index = Open(folder, out bool fresh);
        Print("open_s", Stopwatch.GetElapsedTime(started).TotalSeconds);
        if (fresh) throw new InvalidOperationException("The index was not there.");
        await using var store = await ScratchStore.CreateAsync(Settings.NoCache, ct);
        using var snapshot = index.Acquire();
        var search = (LocalSearchIndex)store.Get<ISearchIndex>();
        var embeddings = store.Get<QueryEmbeddings>();
        int pool = store.Get<RetrievalOptions>().Candidates;
        var text = new GeneratedText(21);
        var random = new Random(22);
        var times = new List<double>();
        for (int i = 0; i < WarmUp + Questions; i++)
        {
            string question = text.QuestionOn(snapshot.Load(random.Next(snapshot.Reader.MaxDoc)).Text);
            long asked = Stopwatch.GetTimestamp();
            search.Search(snapshot, new(question, await embeddings.GetAsync(question, ct), RetrievalMode.Hybrid, 10, pool, OnePerDocument: false, Facts: null, ReadScope.Everything));
            if (i >= WarmUp) times.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
        }
        Print("p50_ms", RankingScores.Percentile(times, 0.5));
        Print("p95_ms", RankingScores.Percentile(times, 0.95));
        // Mapped pages are the system's to take back; what is the process's own is not.
        foreach (string line in await File.ReadAllLinesAsync("/proc/self/status", ct))
        {
            if (line.StartsWith("RssAnon:", StringComparison.Ordinal)) Print("own_memory_mb", Kilobytes(line) / 1024);
            if (line.StartsWith("RssFile:", StringComparison.Ordinal)) Print("mapped_resident_mb", Kilobytes(line) / 1024);
        }
        return 0;
    }

    /// <param name="groups">What the document of a number is limited to.</param>
    public static CollectionIndex Build(string folder, int size, Func<int, IReadOnlyList<string>> groups, CancellationToken ct)
    {
        var index = Open(folder, out _);
        var text = new GeneratedText(20);
        for (int d = 0; d * ChunksPerDocument < size; d++)
        {
            ct.ThrowIfCancellationRequested();
            string id = $"document-{d}";
            var chunks = new List<(IndexedChunk, byte[]?)>(ChunksPerDocument);
            int at = 0;
            for (int c = 0; c < Math.Min(ChunksPerDocument, size - d * ChunksPerDocument); c++)
            {
                string body = text.Paragraph(SentencesPerChunk);
                var units = SentenceSplitter.Split(body, 0, body.Length).Select(s => new UnitSpan(at + s.Start, at + s.End, UnitKind.Sentence)).ToList();
                byte[] row = new byte[QuantizedVector.RowBytes(Dimensions)];
                QuantizedVector.Write(text.UnitVector(Dimensions), row);
                chunks.Add((new(id, 1, d + 1, c, $"{text.Word()} {d}", $"generated/{d}.txt", "text/plain", at, at + body.Length, null, "", "", Sha256.Hex(body), UnitCodec.Encode(units, at), body), row));
                at += body.Length + 2;
            }
            index.Fill(new(id, new Dictionary<string, string>(), AllowedTerms.Of(groups(d)), chunks));
        }
        index.Show(size);
        return index;
    }

    private static CollectionIndex Open(string folder, out bool fresh) =>
        CollectionIndex.Open(Path.Combine(folder, "index"), "growth", Languages.Default, Model, QuantizedVector.RowBytes(Dimensions), out fresh, out _);

    private static async Task<Dictionary<string, double>> OpenInChildAsync(string folder, CancellationToken ct)
    {
        var info = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Rag.Bench")) { RedirectStandardOutput = true };
        info.ArgumentList.Add(OpenCommand);
        info.ArgumentList.Add(folder);
        using var process = Process.Start(info) ?? throw new InvalidOperationException("The process for one size did not start.");
        try
        {
            string output = await process.StandardOutput.ReadToEndAsync(ct);
            await process.WaitForExitAsync(ct);
            if (process.ExitCode != 0) throw new InvalidOperationException($"The process for one size ended with {process.ExitCode}.");
            return output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split('=')).ToDictionary(p => p[0], p => BenchResult.Round(double.Parse(p[1], CultureInfo.InvariantCulture)));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private static double Kilobytes(string line) => double.Parse(line.Split(':')[1].Replace("kB", "").Trim(), CultureInfo.InvariantCulture);

    private static void Print(string name, double value) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}={value}"));
}
