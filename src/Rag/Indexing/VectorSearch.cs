namespace Rag.Indexing;

/// <summary>Exact search over mapped rows of any number: a span holds 2 GiB, so more than that goes in stretches.</summary>
internal static class VectorSearch
{
    private const int MaxStretchBytes = 1 << 30;

    /// <summary>The best rows, by falling score, equal scores by rising row; fewer than <paramref name="k"/> where fewer are live.</summary>
    /// <param name="allowed">As <see cref="VectorScan.TopK"/> takes it.</param>
    public static IReadOnlyList<int> TopRows(VectorRows rows, QuantizedQuery query, int[] rowToDoc, ReadOnlySpan<ulong> allowed, int k)
    {
        int stretch = MaxStretchBytes / rows.RowBytes;
        k = Math.Min(k, VectorScan.MaxHits);
        var hits = new List<VectorHit>();
        for (int first = 0; first < rows.Count; first += stretch)
        {
            int count = Math.Min(stretch, rows.Count - first);
            foreach (var hit in VectorScan.TopK(rows.Span(first, count), query, rowToDoc.AsSpan(first, count), allowed, k)) hits.Add(new(hit.Row + first, hit.Score));
        }
        return hits.OrderByDescending(h => h.Score).ThenBy(h => h.Row).Take(k).Select(h => h.Row).ToList();
    }
}
