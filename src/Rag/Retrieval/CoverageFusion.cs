namespace Rag.Retrieval;

/// <summary>
/// Coverage fusion: the cosine, and the share of the question's worth that a chunk's words cover. Both lie on
/// scales that do not depend on the collection or on the other candidates, so scores compare across questions.
/// </summary>
internal static class CoverageFusion
{
    public const float DenseWeight = 0.6f;

    /// <param name="bm25">BM25 of the chunk.</param>
    /// <param name="bound">The most that any text could score: <see cref="LexicalQuery.Bound"/>.</param>
    public static float Score(float cosine, float bm25, float bound) =>
        DenseWeight * cosine + (1 - DenseWeight) * Coverage(bm25, bound);

    /// <summary>Between 0 and 1; 0 for a question without words.</summary>
    public static float Coverage(float bm25, float bound) => bound > 0 ? bm25 / bound : 0;
}
