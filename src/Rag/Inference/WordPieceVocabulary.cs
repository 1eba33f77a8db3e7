using System.Numerics;
using System.Text;
using Rag.Foundation;

namespace Rag.Inference;

/// <summary>
/// A WordPiece vocabulary (one piece a line, its number the line's, from 0; "##" before a piece that continues a word)
/// as a prefix tree over code points, so that the longest piece at a place is found in one walk however long or
/// hostile the word is. Immutable.
/// </summary>
internal sealed class WordPieceVocabulary
{
    private const int MaxFileBytes = 64 << 20;
    private const int WordRoot = 0, ContinuationRoot = 1;

    private readonly record struct Edge(ulong Key, int Child);

    private readonly Edge[] _edges;
    private readonly int _shift;
    private readonly int[] _pieceAt;

    public int Count { get; }
    public int Unknown { get; }
    public int Start { get; }
    public int End { get; }

    /// <exception cref="RagException">The file is absent, too large, or lacks [UNK], [CLS] or [SEP].</exception>
    public static WordPieceVocabulary Load(string path)
    {
        const string remedy = "Restore vocab.txt of the model folder, or point Inference:ModelPath at a complete one.";
        try
        {
            if (new FileInfo(path).Length > MaxFileBytes)
                throw new RagException(ErrorKind.Invalid, $"The vocabulary {path} is larger than {MaxFileBytes:N0} bytes.", remedy);
            return new(File.ReadAllLines(path, Encoding.UTF8));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new RagException(ErrorKind.Unavailable, $"The vocabulary {path} cannot be read: {e.Message}", remedy, e);
        }
    }

    /// <exception cref="ArgumentException">A piece occurs twice, or [UNK], [CLS] or [SEP] is missing.</exception>
    public WordPieceVocabulary(IReadOnlyList<string> pieces)
    {
        Count = pieces.Count;
        int edgesMax = 1 + pieces.Sum(p => p.Length);
        int slots = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, edgesMax + edgesMax / 2));
        _edges = new Edge[slots];
        _shift = 64 - BitOperations.Log2((uint)slots);
        var pieceAt = new List<int> { -1, -1 };
        for (int id = 0; id < pieces.Count; id++)
        {
            string piece = pieces[id];
            bool continues = piece.Length > 2 && piece.StartsWith("##", StringComparison.Ordinal);
            int node = continues ? ContinuationRoot : WordRoot;
            foreach (Rune rune in piece.AsSpan(continues ? 2 : 0).EnumerateRunes())
                node = FindOrAdd(node, rune.Value, pieceAt);
            if (node <= ContinuationRoot) continue;
            if (pieceAt[node] >= 0) throw new ArgumentException($"the piece \"{piece}\" occurs twice");
            pieceAt[node] = id;
        }
        _pieceAt = [.. pieceAt];
        Unknown = Special("[UNK]");
        Start = Special("[CLS]");
        End = Special("[SEP]");

        int Special(string piece)
        {
            Span<int> runes = stackalloc int[piece.Length];
            for (int i = 0; i < piece.Length; i++) runes[i] = piece[i];
            int id = Longest(runes, 0, out int end);
            return id >= 0 && end == piece.Length ? id : throw new ArgumentException($"the vocabulary lacks {piece}");
        }
    }

    /// <summary>
    /// The longest piece that stands at a place of a word.
    /// </summary>
    /// <param name="word">Code points.</param>
    /// <param name="at">Where the piece begins; beyond 0 only continuations are looked at.</param>
    /// <param name="end">Where it ends, exclusive.</param>
    /// <returns>The piece's number, or −1 where none begins here.</returns>
    public int Longest(ReadOnlySpan<int> word, int at, out int end)
    {
        int node = at == 0 ? WordRoot : ContinuationRoot, best = -1;
        end = at;
        for (int i = at; i < word.Length; i++)
        {
            node = Find(node, word[i]);
            if (node < 0) break;
            int piece = _pieceAt[node];
            if (piece < 0) continue;
            best = piece;
            end = i + 1;
        }
        return best;
    }

    /// <summary>Key 0 marks an empty slot: no edge has it, for a code point 0 is never part of a piece.</summary>
    private static ulong Key(int node, int codePoint) => ((ulong)node << 21) | (uint)codePoint;

    private int Slot(ulong key) => (int)((key * 0x9E3779B97F4A7C15UL) >> _shift);

    private int Find(int node, int codePoint)
    {
        Edge[] edges = _edges;
        ulong key = Key(node, codePoint);
        for (int slot = Slot(key); ; slot = (slot + 1) & (edges.Length - 1))
        {
            Edge edge = edges[slot];
            if (edge.Key == key) return edge.Child;
            if (edge.Key == 0) return -1;
        }
    }

    private int FindOrAdd(int node, int codePoint, List<int> pieceAt)
    {
        if (codePoint == 0) throw new ArgumentException("a piece holds the character 0");
        ulong key = Key(node, codePoint);
        int slot = Slot(key);
        for (; _edges[slot].Key != 0; slot = (slot + 1) & (_edges.Length - 1))
        {
            if (_edges[slot].Key == key) return _edges[slot].Child;
        }
        _edges[slot] = new(key, pieceAt.Count);
        pieceAt.Add(-1);
        return pieceAt.Count - 1;
    }
}
