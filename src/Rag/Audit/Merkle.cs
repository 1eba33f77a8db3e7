using System.Security.Cryptography;

namespace Rag.Audit;

/// <summary>The Merkle tree of RFC 6962, 2.1: SHA-256, with 0x00 before a leaf and 0x01 before two children.</summary>
internal static class Merkle
{
    public const int HashBytes = 32;

    /// <summary>Root of a tree without leaves.</summary>
    public static readonly byte[] EmptyRoot = SHA256.HashData([]);

    public static byte[] Leaf(ReadOnlySpan<byte> data)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData([0]);
        hash.AppendData(data);
        return hash.GetHashAndReset();
    }

    public static byte[] Node(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        Span<byte> bytes = stackalloc byte[1 + 2 * HashBytes];
        bytes[0] = 1;
        left.CopyTo(bytes[1..]);
        right.CopyTo(bytes[(1 + HashBytes)..]);
        return SHA256.HashData(bytes);
    }

    /// <summary>Whether a leaf has its place in the tree with this root (RFC 9162, 2.1.3.2).</summary>
    public static bool Includes(ReadOnlySpan<byte> leaf, long index, long size, IReadOnlyList<byte[]> proof, ReadOnlySpan<byte> root)
    {
        if (index < 0 || index >= size) return false;
        long fn = index, sn = size - 1;
        byte[] r = leaf.ToArray();
        foreach (byte[] p in proof)
        {
            if (sn == 0 || p.Length != HashBytes) return false;
            if ((fn & 1) == 1 || fn == sn)
            {
                r = Node(p, r);
                while ((fn & 1) == 0 && fn != 0) (fn, sn) = (fn >> 1, sn >> 1);
            }
            else r = Node(r, p);
            (fn, sn) = (fn >> 1, sn >> 1);
        }
        return sn == 0 && root.SequenceEqual(r);
    }

    /// <summary>Whether the larger tree only adds to the smaller one (RFC 9162, 2.1.4.2).</summary>
    public static bool Continues(long first, ReadOnlySpan<byte> firstRoot, long second, ReadOnlySpan<byte> secondRoot, IReadOnlyList<byte[]> proof)
    {
        if (first < 0 || first > second) return false;
        if (first == second) return proof.Count == 0 && firstRoot.SequenceEqual(secondRoot);
        if (first == 0) return proof.Count == 0 && firstRoot.SequenceEqual(EmptyRoot);
        var path = long.IsPow2(first) ? [firstRoot.ToArray(), .. proof] : proof;
        if (path.Count == 0) return false;
        long fn = first - 1, sn = second - 1;
        while ((fn & 1) == 1) (fn, sn) = (fn >> 1, sn >> 1);
        byte[] fr = path[0], sr = path[0];
        foreach (byte[] c in path.Skip(1))
        {
            if (sn == 0 || c.Length != HashBytes) return false;
            if ((fn & 1) == 1 || fn == sn)
            {
                (fr, sr) = (Node(c, fr), Node(c, sr));
                while ((fn & 1) == 0 && fn != 0) (fn, sn) = (fn >> 1, sn >> 1);
            }
            else sr = Node(sr, c);
            (fn, sn) = (fn >> 1, sn >> 1);
        }
        return sn == 0 && firstRoot.SequenceEqual(fr) && secondRoot.SequenceEqual(sr);
    }

    /// <summary>The stretches of leaves whose hashes prove that a leaf is in the tree, in the order of the proof (RFC 6962, 2.1.1).</summary>
    public static IReadOnlyList<(long From, long To)> InclusionProof(long index, long size)
    {
        var stretches = new List<(long, long)>();
        long from = 0, to = size;
        while (to - from > 1)
        {
            long middle = from + Split(to - from);
            stretches.Add(index < middle ? (middle, to) : (from, middle));
            (from, to) = index < middle ? (from, middle) : (middle, to);
        }
        stretches.Reverse();
        return stretches;
    }

    /// <summary>The stretches of leaves whose hashes prove that a tree continues a smaller one, in the order of the proof (RFC 6962, 2.1.2).</summary>
    public static IReadOnlyList<(long From, long To)> ConsistencyProof(long first, long second)
    {
        var stretches = new List<(long, long)>();
        if (first == 0 || first == second) return stretches;
        long from = 0, to = second, rest = first;
        // Whether the smaller tree's own root is one of the hashes already known.
        bool known = true;
        while (rest != to - from)
        {
            long k = Split(to - from);
            if (rest <= k)
            {
                stretches.Add((from + k, to));
                to = from + k;
            }
            else
            {
                stretches.Add((from, from + k));
                (from, rest, known) = (from + k, rest - k, false);
            }
        }
        if (!known) stretches.Add((from, to));
        stretches.Reverse();
        return stretches;
    }

    /// <summary>A stretch that a proof speaks of, as subtrees of 2^level leaves each, from left to right.</summary>
    public static IEnumerable<(int Level, long Place)> Subtrees(long from, long to)
    {
        while (from < to)
        {
            int level = from == 0 ? 62 : System.Numerics.BitOperations.TrailingZeroCount(from);
            while (1L << level > to - from) level--;
            yield return (level, from >> level);
            from += 1L << level;
        }
    }

    /// <summary>Root over subtrees that lie beside each other, the last of which may be smaller than those before.</summary>
    public static byte[] Root(IReadOnlyList<byte[]> subtrees)
    {
        if (subtrees.Count == 0) return EmptyRoot;
        byte[] root = subtrees[^1];
        for (int i = subtrees.Count - 2; i >= 0; i--) root = Node(subtrees[i], root);
        return root;
    }

    /// <summary>The largest power of two below a number.</summary>
    private static long Split(long n) => 1L << System.Numerics.BitOperations.Log2((ulong)(n - 1));
}

/// <summary>A tree that grows at its right edge, of which only the roots of its full subtrees are kept: as many as its size has ones in binary.</summary>
internal sealed class GrowingTree
{
    private readonly List<(int Level, byte[] Hash)> _peaks = [];

    public long Size { get; private set; }

    public byte[] Root => Merkle.Root([.. _peaks.Select(p => p.Hash)]);

    /// <summary>The subtrees' roots, from left to right, one behind the other.</summary>
    public byte[] Peaks => [.. _peaks.SelectMany(p => p.Hash)];

    /// <exception cref="FormatException">They are not those of a tree of this size.</exception>
    public static GrowingTree Restore(long size, ReadOnlySpan<byte> peaks)
    {
        var tree = new GrowingTree();
        if (size < 0 || peaks.Length != System.Numerics.BitOperations.PopCount((ulong)size) * Merkle.HashBytes) throw new FormatException("The tree is not whole.");
        for (int level = 62, at = 0; level >= 0; level--)
        {
            if ((size >> level & 1) == 0) continue;
            tree._peaks.Add((level, peaks.Slice(at, Merkle.HashBytes).ToArray()));
            at += Merkle.HashBytes;
        }
        tree.Size = size;
        return tree;
    }

    /// <param name="made">Called for each subtree that the leaf makes whole, with its level and its place among those of its level.</param>
    public void Add(byte[] leaf, Action<int, long, byte[]>? made = null) => Add(0, leaf, made);

    /// <summary>Adds a whole subtree of 2^level leaves, whose size the tree's present size must be a multiple of.</summary>
    public void Add(int level, byte[] hash, Action<int, long, byte[]>? made = null)
    {
        if ((Size & ((1L << level) - 1)) != 0) throw new InvalidOperationException("A subtree has its place where its size says.");
        Size += 1L << level;
        made?.Invoke(level, (Size >> level) - 1, hash);
        while (_peaks.Count > 0 && _peaks[^1].Level == level)
        {
            hash = Merkle.Node(_peaks[^1].Hash, hash);
            _peaks.RemoveAt(_peaks.Count - 1);
            level++;
            made?.Invoke(level, (Size >> level) - 1, hash);
        }
        _peaks.Add((level, hash));
    }
}
