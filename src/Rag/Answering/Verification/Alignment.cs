namespace Rag.Answering.Verification;

/// <summary>
/// Where each word of a claim stands in what it cites: the places that fit best and lie together. Found by Viterbi's algorithm
/// over the claim's words: a place gains what the word weighs times how well it fits, and costs by how far it lies from where the
/// word before led to.
/// </summary>
internal sealed class Alignment
{
    /// <summary>Paths that are followed at a time.</summary>
    private const int MaxPaths = 48;

    private const double PerStep = 0.04, MaxForward = 0.22, Backward = 0.12, MaxBackward = 0.16, OtherSentence = 0.46, OtherSpan = 0.55, Context = 0.35;

    private readonly int[] _places;
    private readonly double[] _fits;

    /// <summary>How often the claim goes on in a sentence that is not the one before or after.</summary>
    public int Jumps { get; private set; }

    private Alignment(int length)
    {
        _places = new int[length];
        _fits = new double[length];
        Array.Fill(_places, -1);
    }

    /// <summary>The place of a word of the claim; -1 where it has none.</summary>
    public int this[int index] => _places[index];

    public double Fit(int index) => _fits[index];

    private sealed record Path(int Place, double Score, int Index, double Fit, Path? Before, int LastIndex);

    public static Alignment Of(IReadOnlyList<Token> claim, CitedText source)
    {
        var paths = new List<Path> { new(-1, 0, -1, 0, null, -1) };
        for (int i = 0; i < claim.Count; i++)
        {
            if (!claim[i].IsContent) continue;
            var places = source.PlacesOf(claim, i);
            if (places.Count == 0) continue;
            var next = new Dictionary<int, Path>(paths.Count + places.Count);
            // Staying without a place is always a way.
            foreach (var path in paths) Keep(next, path);
            double weight = Math.Max(claim[i].Weight, 0.3);
            foreach (var (place, fit) in places)
            {
                Path? best = null;
                foreach (var path in paths)
                {
                    double score = path.Score + weight * fit - Cost(path, i, place, source);
                    if (best is null || score > best.Score) best = new(place, score, i, fit, path, i);
                }
                Keep(next, best!);
            }
            paths = [.. next.Values.OrderByDescending(p => p.Score).ThenBy(p => p.Place).Take(MaxPaths)];
        }
        var alignment = new Alignment(claim.Count);
        for (var path = paths[0]; path is not null; path = path.Before)
            if (path.Index >= 0) (alignment._places[path.Index], alignment._fits[path.Index]) = (path.Place, path.Fit);
        alignment.AlignFunctions(claim, source);
        alignment.CountJumps(source);
        return alignment;
    }

    private static void Keep(Dictionary<int, Path> paths, Path path)
    {
        if (!paths.TryGetValue(path.Place, out var other) || path.Score > other.Score) paths[path.Place] = path;
    }

    private static double Cost(Path from, int index, int place, CitedText source)
    {
        if (from.Place < 0) return source.Tokens[place].Sentence < 0 ? Context : 0;
        Token before = source.Tokens[from.Place], at = source.Tokens[place];
        if (source.Spans[from.Place] != source.Spans[place]) return OtherSpan;
        if (at.Sentence < 0) return Context + (before.Sentence < 0 ? -0.2 : 0);
        if (before.Sentence != at.Sentence) return before.Sentence < 0 ? 0.1 : OtherSentence + 0.02 * Math.Min(5, Math.Abs(at.Sentence - before.Sentence) - 1);
        int step = place - from.Place, expected = index - from.LastIndex;
        if (step <= 0) return Backward + Math.Min(MaxBackward, PerStep * (-step / 3.0));
        return Math.Min(MaxForward, PerStep * Math.Abs(step - expected));
    }

    /// <summary>Words that say nothing stand where their neighbours do, or nowhere.</summary>
    private void AlignFunctions(IReadOnlyList<Token> claim, CitedText source)
    {
        for (int i = 0; i < claim.Count; i++)
        {
            if (claim[i].IsContent || claim[i].Kind == TokenKind.Boundary) continue;
            int left = i - 1, right = i + 1;
            while (left >= 0 && _places[left] < 0) left--;
            while (right < claim.Count && (_places[right] < 0 || !claim[right].IsContent)) right++;
            int from = left >= 0 ? _places[left] : -1, to = right < claim.Count ? _places[right] : -1;
            foreach (int place in source.WithKey(claim[i].Key))
                if ((from >= 0 && place > from && place <= from + (i - left) + 1) || (to >= 0 && place < to && place >= to - (right - i) - 1))
                {
                    (_places[i], _fits[i]) = (place, 1);
                    break;
                }
        }
    }

    private void CountJumps(CitedText source)
    {
        int last = -1;
        foreach (int place in _places)
        {
            if (place < 0 || source.Tokens[place].Sentence < 0) continue;
            if (last >= 0 && (source.Spans[last] != source.Spans[place] || Math.Abs(source.Tokens[last].Sentence - source.Tokens[place].Sentence) > 1)) Jumps++;
            last = place;
        }
    }
}
