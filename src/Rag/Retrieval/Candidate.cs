namespace Rag.Retrieval;

/// <summary>A chunk that either side found, with both its scores; sorts best first, equal ones by place in the record.</summary>
/// <param name="Key">The chunk's number in its engine.</param>
internal readonly record struct Candidate(long Key, float Score, float Coverage, float Cosine, long VersionNo, long Ordinal) : IComparable<Candidate>
{
    public static Candidate Of(RetrievalMode mode, long key, float cosine, float bm25, float bound, long versionNo, long ordinal)
    {
        float coverage = CoverageFusion.Coverage(bm25, bound);
        float score = mode switch
        {
            RetrievalMode.Lexical => coverage,
            RetrievalMode.Dense => cosine,
            _ => CoverageFusion.Score(cosine, bm25, bound),
        };
        return new(key, score, coverage, cosine, versionNo, ordinal);
    }

    public int CompareTo(Candidate other) =>
        Score != other.Score ? other.Score.CompareTo(Score)
        : VersionNo != other.VersionNo ? VersionNo.CompareTo(other.VersionNo)
        : Ordinal.CompareTo(other.Ordinal);

    /// <summary>The first of sorted candidates, as many as are wanted.</summary>
    public static IReadOnlyList<Candidate> Take(Candidate[] sorted, int count, bool onePerDocument)
    {
        var seen = onePerDocument ? new HashSet<long>() : null;
        var taken = new List<Candidate>(Math.Min(count, sorted.Length));
        foreach (var candidate in sorted)
        {
            if (taken.Count == count) break;
            if (seen is null || seen.Add(candidate.VersionNo)) taken.Add(candidate);
        }
        return taken;
    }
}
