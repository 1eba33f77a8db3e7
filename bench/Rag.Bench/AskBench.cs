using System.Diagnostics;
using Rag.Answering;
using Rag.Evaluation;
using Rag.Indexing;
using Rag.Ingestion;

namespace Rag.Bench;

/// <summary>
/// A question that no cache knows, from text to rendered and recorded answer, against the two library calls that it
/// cannot do without: embedding the question and searching the full text for its words.
/// </summary>
internal static class AskBench
{
    private const int Found = 10;

    public static async Task<BenchResult> RunAsync(bool quick, CancellationToken ct)
    {
        int chunks = quick ? 4_000 : 20_000, rounds = quick ? 3 : 7, questionsPerRound = quick ? 60 : 200;
        await using var store = await GeneratedStore.CreateAsync(chunks, ct);
        var texts = ReadTexts(store);
        using var lucene = new BareLucene();
        for (int i = 0; i < texts.Count; i++) lucene.Add($"{i}", texts[i]);
        lucene.Commit();
        using var onnx = new BareOnnx(threads: 1);
        var answerer = store.Get<Answerer>();
        var generator = new GeneratedText(9);
        var random = new Random(9);
        var results = new List<(double, double)>();
        var all = (Ours: new List<double>(), Baseline: new List<double>());
        int answered = 0;
        for (int round = 0; round <= rounds; round++)
        {
            var (ours, baseline) = (new List<double>(), new List<double>());
            for (int i = 0; i < questionsPerRound; i++)
            {
                string question = generator.QuestionOn(texts[random.Next(texts.Count)]);
                if (i % 2 == 0) await OursAsync(question, ours);
                Baseline(question, baseline);
                if (i % 2 == 1) await OursAsync(question, ours);
            }
            if (round == 0) continue;
            results.Add((RankingScores.Percentile(ours, 0.95), RankingScores.Percentile(baseline, 0.95)));
            all.Ours.AddRange(ours);
            all.Baseline.AddRange(baseline);
        }
        return BenchResult.Of("ask", "ms, p95", results, new Dictionary<string, double>
        {
            ["chunks"] = texts.Count,
            ["questions"] = all.Ours.Count,
            ["answered"] = BenchResult.Round((double)answered / ((rounds + 1) * questionsPerRound)),
            ["ours_p50_ms"] = BenchResult.Round(RankingScores.Percentile(all.Ours, 0.5)),
            ["baseline_p50_ms"] = BenchResult.Round(RankingScores.Percentile(all.Baseline, 0.5)),
        });

        async Task OursAsync(string question, List<double> times)
        {
            long started = Stopwatch.GetTimestamp();
            var (answer, _) = await answerer.AskAsync(new(question, Options: new(NoCache: true)), ct);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            if (answer.Answer.Outcome == Answer.Answered) answered++;
        }

        void Baseline(string question, List<double> times)
        {
            long started = Stopwatch.GetTimestamp();
            onnx.Embed(question);
            lucene.Search(question, Found);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
    }

    private static List<string> ReadTexts(ScratchStore store)
    {
        using var snapshot = store.Get<IndexStore>().Open.Single().Acquire();
        var live = Lucene.Net.Index.MultiFields.GetLiveDocs(snapshot.Reader);
        return Enumerable.Range(0, snapshot.Reader.MaxDoc).Where(d => live is null || live.Get(d)).Select(d => snapshot.Load(d).SearchText).ToList();
    }
}
