using System.Buffers;

namespace Rag.Answering.Verification;

/// <summary>A stretch in which a claim differs from the sentence that it repeats: what it has there, and what the source has. Positions of tokens.</summary>
/// <param name="Anchored">How many words on both sides are the same, the fewer of the two; the ends of sentences count as two.</param>
internal readonly record struct Hunk(IReadOnlyList<int> Claim, IReadOnlyList<int> Source, int Anchored);

/// <summary>
/// The claim laid word by word along the stretch of the source that it repeats most of, in order: alignment after Needleman and
/// Wunsch with affine gaps (Gotoh 1982), free at the source's ends. What an edit exchanges comes out opposite what it took the
/// place of.
/// </summary>
internal sealed class Difference
{
    private const float Same = 2, SameSmall = 1, SameSort = -0.4f, OtherWord = -0.9f, Unlike = -1.6f, Open = -1.1f, SkipSource = -0.06f, SkipClaim = -0.45f, NewSentence = -0.4f;
    private const int MinRun = 3;
    private const byte SameBit = 1 << 6;

    public IReadOnlyList<Hunk> Hunks { get; }

    /// <summary>The share of the claim's words, small ones too, that stand in the source in the same order, in runs of three at least.</summary>
    public double Repeated { get; }

    private Difference(IReadOnlyList<Hunk> hunks, double repeated) => (Hunks, Repeated) = (hunks, repeated);

    public static Difference Of(IReadOnlyList<Token> claim, CitedText source)
    {
        int[] rows = [.. Enumerable.Range(0, claim.Count).Where(i => claim[i].Kind != TokenKind.Boundary)];
        int[] columns = [.. Enumerable.Range(0, source.Tokens.Count).Where(j => source.Tokens[j].Kind != TokenKind.Boundary && source.Tokens[j].Sentence >= 0)];
        if (rows.Length == 0 || columns.Length == 0) return new([], 0);
        var (pairs, same) = Align(claim, source, rows, columns);
        return new(Read(claim, source, rows, columns, pairs, same), InRuns(pairs, same) / (double)rows.Length);
    }

    /// <summary>For each word of the claim the column opposite it, or -1; and whether they are the same.</summary>
    private static (int[] Pairs, bool[] Same) Align(IReadOnlyList<Token> claim, CitedText source, int[] rows, int[] columns)
    {
        int n = rows.Length, m = columns.Length, width = m + 1;
        var columnOf = new Dictionary<int, int>(m);
        for (int c = 0; c < m; c++) columnOf[columns[c]] = c;
        // 0: opposite; 1: the source has more; 2: the claim has more.
        float[] opposite = new float[width], more = new float[width], extra = new float[width], opposite0 = new float[width], more0 = new float[width], extra0 = new float[width];
        // Of each cell: which state each of its three came from, two bits each, and whether the words are the same. Rented: it is large.
        byte[] cells = ArrayPool<byte>.Shared.Rent((n + 1) * width);
        Array.Clear(cells, 0, (n + 1) * width);
        Array.Fill(more0, -1e9f);
        Array.Fill(extra0, -1e9f);
        var scores = new float[m];
        for (int r = 1; r <= n; r++)
        {
            Score(claim, source, rows[r - 1], columns, columnOf, scores, cells.AsSpan(r * width + 1, m));
            opposite[0] = more[0] = -1e9f;
            extra[0] = Open + SkipClaim * r;
            cells[r * width] |= 2 << 4;
            for (int c = 1; c <= m; c++)
            {
                int at = r * width + c;
                (opposite[c], int first) = Best(opposite0[c - 1], more0[c - 1], extra0[c - 1]);
                opposite[c] += scores[c - 1];
                float step = SkipSource + (c > 1 && source.Tokens[columns[c - 1]].Sentence != source.Tokens[columns[c - 2]].Sentence ? NewSentence : 0);
                (more[c], int second) = Best(opposite[c - 1] + Open, more[c - 1], extra[c - 1] + Open);
                more[c] += step;
                (extra[c], int third) = Best(opposite0[c] + Open, more0[c] + Open, extra0[c]);
                extra[c] += SkipClaim;
                cells[at] |= (byte)(first | second << 2 | third << 4);
            }
            (opposite, opposite0) = (opposite0, opposite);
            (more, more0) = (more0, more);
            (extra, extra0) = (extra0, extra);
        }
        int state = 0, column = 0;
        float best = float.NegativeInfinity;
        for (int c = 0; c <= m; c++)
        {
            if (opposite0[c] > best) (best, state, column) = (opposite0[c], 0, c);
            if (extra0[c] > best) (best, state, column) = (extra0[c], 2, c);
        }
        var pairs = new int[n];
        var same = new bool[n];
        Array.Fill(pairs, -1);
        int row = n;
        while (row > 0)
        {
            int before = cells[row * width + column] >> 2 * state & 3;
            if (state == 0)
            {
                pairs[row - 1] = column - 1;
                same[row - 1] = (cells[row * width + column] & SameBit) != 0;
                row--;
                column--;
            }
            else if (state == 1) column--;
            else row--;
            state = before;
            if (column == 0 && state != 2) break;
        }
        ArrayPool<byte>.Shared.Return(cells);
        return (pairs, same);
    }

    private static (float, int) Best(float a, float b, float c) => a >= b && a >= c ? (a, 0) : b >= c ? (b, 1) : (c, 2);

    private static void Score(IReadOnlyList<Token> claim, CitedText source, int index, int[] columns, Dictionary<int, int> columnOf, float[] scores, Span<byte> cells)
    {
        var token = claim[index];
        for (int c = 0; c < columns.Length; c++)
        {
            var other = source.Tokens[columns[c]];
            scores[c] = token.Kind == other.Kind || (token.Kind is TokenKind.Number or TokenKind.Date && other.Kind is TokenKind.Number or TokenKind.Date)
                ? token.IsStrict || token.Kind == TokenKind.Operator ? SameSort : OtherWord : Unlike;
        }
        if (token.IsContent)
        {
            foreach (var (place, fit) in source.PlacesOf(claim, index))
                if (columnOf.TryGetValue(place, out int column)) (scores[column], cells[column]) = ((float)(Same * fit), SameBit);
            return;
        }
        foreach (int place in source.WithKey(token.Key))
            if (columnOf.TryGetValue(place, out int column)) (scores[column], cells[column]) = (SameSmall, SameBit);
        if (token.Kind != TokenKind.Operator) return;
        for (int c = 0; c < columns.Length; c++)
            if (source.Tokens[columns[c]].Operator == token.Operator) (scores[c], cells[c]) = (SameSmall, SameBit);
    }

    /// <summary>Words that are the same in runs: one or two fall into order by chance.</summary>
    private static int InRuns(int[] pairs, bool[] same)
    {
        int count = 0, run = 0;
        for (int r = 0; r <= pairs.Length; r++)
        {
            if (r < pairs.Length && same[r] && (run == 0 || pairs[r] == pairs[r - 1] + 1))
            {
                run++;
                continue;
            }
            if (run >= MinRun) count += run;
            run = r < pairs.Length && same[r] ? 1 : 0;
        }
        return count;
    }

    private static List<Hunk> Read(IReadOnlyList<Token> claim, CitedText source, int[] rows, int[] columns, int[] pairs, bool[] same)
    {
        var hunks = new List<Hunk>();
        int r = 0, lastColumn = -1, run = 0;
        while (r <= rows.Length)
        {
            bool ends = r == rows.Length;
            if (!ends && same[r] && (lastColumn < 0 || pairs[r] == lastColumn + 1) && (lastColumn >= 0 || r == 0))
            {
                run++;
                lastColumn = pairs[r++];
                continue;
            }
            // From here the claim goes another way, until it is with the source again.
            int begin = r;
            while (r < rows.Length && !same[r]) r++;
            if (ends && lastColumn < 0) break;
            int nextColumn = r < rows.Length ? pairs[r] : -1, after = 0;
            for (int k = r; k < rows.Length && same[k] && pairs[k] == nextColumn + k - r; k++) after++;
            int left = begin == 0 ? 2 : run, right = r == rows.Length ? 2 : after;
            int fromColumn = lastColumn + 1, toColumn = nextColumn >= 0 ? nextColumn : columns.Length;
            // Before the first and behind the last word there is nothing opposite but the rest of the sentence.
            if (begin == 0) fromColumn = nextColumn < 0 ? 0 : SentenceStart(source, columns, nextColumn);
            if (r == rows.Length) toColumn = lastColumn < 0 ? 0 : SentenceEnd(source, columns, lastColumn) + 1;
            hunks.Add(new([.. rows[begin..r]], fromColumn < toColumn ? columns[fromColumn..toColumn] : [], Math.Min(left, right)));
            if (r == rows.Length) break;
            lastColumn = nextColumn;
            run = 1;
            r++;
        }
        return hunks;
    }

    private static int SentenceStart(CitedText source, int[] columns, int column)
    {
        int at = column;
        while (at > 0 && source.Tokens[columns[at - 1]].Sentence == source.Tokens[columns[column]].Sentence) at--;
        return at;
    }

    private static int SentenceEnd(CitedText source, int[] columns, int column)
    {
        int at = column;
        while (at + 1 < columns.Length && source.Tokens[columns[at + 1]].Sentence == source.Tokens[columns[column]].Sentence) at++;
        return at;
    }
}
