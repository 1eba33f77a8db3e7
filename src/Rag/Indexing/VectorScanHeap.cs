namespace Rag.Indexing;

/// <summary>The best k hits seen, as a binary heap with the worst on top: higher scores first, then lower rows.</summary>
internal sealed class VectorScanHeap(int k)
{
    private VectorHit[] _hits = new VectorHit[Math.Min(k, 256)];
    private int _count;

    /// <summary>What a score must exceed to enter with a row beyond all those seen; −∞ while there is room.</summary>
    public float Least => _count < k ? float.NegativeInfinity : _hits[0].Score;

    /// <summary>Takes a hit if it is among the best.</summary>
    /// <returns><see cref="Least"/> as it is then.</returns>
    public float Add(VectorHit hit)
    {
        if (_count < k)
        {
            if (_count == _hits.Length) Array.Resize(ref _hits, Math.Min(k, _count * 2));
            int at = _count++;
            for (; at > 0 && Worse(hit, _hits[(at - 1) / 2]); at = (at - 1) / 2) _hits[at] = _hits[(at - 1) / 2];
            _hits[at] = hit;
        }
        else if (Worse(_hits[0], hit))
        {
            int at = 0;
            for (int child; (child = 2 * at + 1) < _count; at = child)
            {
                if (child + 1 < _count && Worse(_hits[child + 1], _hits[child])) child++;
                if (!Worse(_hits[child], hit)) break;
                _hits[at] = _hits[child];
            }
            _hits[at] = hit;
        }
        return Least;
    }

    public void AddAll(VectorScanHeap other)
    {
        foreach (var hit in other._hits.AsSpan(0, other._count)) Add(hit);
    }

    /// <summary>Best first.</summary>
    public VectorHit[] Sorted()
    {
        var sorted = _hits[.._count];
        Array.Sort(sorted, static (a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : a.Row.CompareTo(b.Row));
        return sorted;
    }

    private static bool Worse(VectorHit a, VectorHit b) => a.Score < b.Score || (a.Score == b.Score && a.Row > b.Row);
}
