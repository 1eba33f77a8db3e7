namespace Rag.Evaluation;

/// <summary>Scores of one ranked list against judgments, as trec_eval computes them (gain linear in the grade, logarithm to base 2).</summary>
internal static class RankingScores
{
    public static double Ndcg(IReadOnlyList<string> ranked, IReadOnlyDictionary<string, int> judgments, int depth)
    {
        double gain = 0, ideal = 0;
        for (int i = 0; i < Math.Min(depth, ranked.Count); i++)
            if (judgments.TryGetValue(ranked[i], out int grade) && grade > 0) gain += grade / Math.Log2(i + 2);
        int rank = 0;
        foreach (int grade in judgments.Values.Where(g => g > 0).OrderDescending().Take(depth)) ideal += grade / Math.Log2(rank++ + 2);
        return ideal == 0 ? 0 : gain / ideal;
    }

    public static double Recall(IReadOnlyList<string> ranked, IReadOnlyDictionary<string, int> judgments, int depth)
    {
        int relevant = judgments.Values.Count(g => g > 0);
        return relevant == 0 ? 0 : (double)ranked.Take(depth).Count(id => judgments.GetValueOrDefault(id) > 0) / relevant;
    }

    /// <summary>The value below which the given share of the sample lies (nearest rank).</summary>
    public static double Percentile(IEnumerable<double> sample, double share)
    {
        var sorted = sample.Order().ToList();
        return sorted.Count == 0 ? 0 : sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Count) - 1, 0, sorted.Count - 1)];
    }
}
