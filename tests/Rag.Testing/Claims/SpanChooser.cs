using System.Numerics.Tensors;
using Rag.Answering.Verification;
using Rag.Inference;

namespace Rag.Testing.Claims;

/// <summary>
/// Finds among many sentences the few that a claim should be held against, for test sets whose claims cite nothing: those that
/// together have most of its words, rare ones first, and, where there is a model, those that mean nearly the same. In the
/// product a sentence that cites nothing is withheld.
/// </summary>
internal static class SpanChooser
{
    /// <summary>Sentences chosen, their neighbours not counted; and how many are compared by meaning.</summary>
    public const int MaxChosen = 5, MaxCompared = 24;

    /// <summary>Sentences that are looked at.</summary>
    public const int MaxSentences = 4_000;

    /// <summary>What a word counts that a chosen sentence has already.</summary>
    private const double Again = 0.25;

    /// <summary>A further sentence must bring at least this share of the claim's worth.</summary>
    private const double LeastGain = 0.06;

    private const double MeaningWeight = 0.5;

    /// <summary>Positions of the chosen sentences in reading order.</summary>
    /// <param name="embedder">Null: by words alone.</param>
    public static async Task<IReadOnlyList<int>> ChooseAsync(string claim, IReadOnlyList<string> sentences, string language, Embedder? embedder, CancellationToken cancel)
    {
        var lexicon = Lexicon.For(language);
        var wanted = TokenReader.Read(claim, lexicon).Where(t => t.IsContent).ToList();
        int count = Math.Min(sentences.Count, MaxSentences);
        if (wanted.Count == 0 || count == 0) return [];
        var has = new double[count][];
        for (int s = 0; s < count; s++) has[s] = Fit(wanted, sentences[s], lexicon);
        // A word that stands everywhere tells no sentence from another.
        double[] worth = [.. wanted.Select((t, w) => t.Weight * Math.Log(1 + (count + 1.0) / (0.5 + has.Count(h => h[w] > 0.6))))];
        double all = worth.Sum();
        double[] meaning = await MeaningAsync(claim, sentences, has, worth, embedder, cancel).ConfigureAwait(false);
        var covered = new double[wanted.Count];
        var chosen = new List<int>();
        while (chosen.Count < MaxChosen)
        {
            int best = -1;
            double bestGain = 0;
            for (int s = 0; s < count; s++)
            {
                if (chosen.Contains(s)) continue;
                double gain = MeaningWeight * meaning[s] * all * (chosen.Count == 0 ? 1 : 0.35);
                for (int w = 0; w < wanted.Count; w++)
                    gain += worth[w] * (Math.Max(0, has[s][w] - covered[w]) + Again * Math.Min(covered[w], has[s][w]));
                // Neighbours speak of the same.
                if (chosen.Contains(s - 1) || chosen.Contains(s + 1)) gain *= 1.15;
                if (gain > bestGain) (best, bestGain) = (s, gain);
            }
            double fresh = best < 0 ? 0 : Enumerable.Range(0, wanted.Count).Sum(w => worth[w] * Math.Max(0, has[best][w] - covered[w]));
            if (best < 0 || (chosen.Count > 0 && fresh < LeastGain * all && meaning[best] < 0.6)) break;
            chosen.Add(best);
            for (int w = 0; w < wanted.Count; w++) covered[w] = Math.Max(covered[w], has[best][w]);
        }
        chosen.Sort();
        return chosen;
    }

    /// <summary>The chosen sentences as spans: neighbours joined, each with the sentence before it, which says who "he" is.</summary>
    public static IReadOnlyList<CitedSpan> Spans(IReadOnlyList<string> sentences, IReadOnlyList<int> chosen, string context)
    {
        var spans = new List<CitedSpan>();
        var take = new SortedSet<int>(chosen);
        foreach (int c in chosen) if (c > 0) take.Add(c - 1);
        var run = new List<int>();
        foreach (int at in take)
        {
            if (run.Count > 0 && at != run[^1] + 1) Flush();
            run.Add(at);
        }
        Flush();
        return spans;

        void Flush()
        {
            if (run.Count > 0) spans.Add(new(string.Join('\n', run.Select(i => sentences[i])), context));
            run.Clear();
        }
    }

    private static double[] Fit(IReadOnlyList<Token> wanted, string sentence, Lexicon lexicon)
    {
        var source = new CitedText([new(sentence)], lexicon);
        var fit = new double[wanted.Count];
        for (int w = 0; w < wanted.Count; w++)
            foreach (var (_, f) in source.PlacesOf(wanted, w)) fit[w] = Math.Max(fit[w], f);
        return fit;
    }

    /// <summary>Cosines with the sentences that have most of the words; 0 for the others.</summary>
    private static async Task<double[]> MeaningAsync(string claim, IReadOnlyList<string> sentences, double[][] has, double[] worth, Embedder? embedder, CancellationToken cancel)
    {
        var meaning = new double[has.Length];
        if (embedder is not { Available: true }) return meaning;
        int[] compared = [.. Enumerable.Range(0, has.Length).OrderByDescending(s => has[s].Select((f, w) => f * worth[w]).Sum()).ThenBy(s => s).Take(MaxCompared)];
        var vectors = await embedder.EmbedAsync([claim, .. compared.Select(s => sentences[s])], cancel).ConfigureAwait(false);
        for (int i = 0; i < compared.Length; i++) meaning[compared[i]] = Math.Max(0, TensorPrimitives.Dot(vectors[0], vectors[i + 1]));
        return meaning;
    }
}
