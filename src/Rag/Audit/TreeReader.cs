using System.Data.Common;
using Dapper;
using Rag.Foundation;

namespace Rag.Audit;

/// <summary>
/// Hashes of the tree as the record keeps them: of leaves, and of subtrees at every fourth level. What lies between is
/// computed from at most eight of them. Nothing here is trusted: a proof is worth what its check against a signed root is.
/// </summary>
internal static class TreeReader
{
    /// <summary>Levels of which the hashes are kept are this far apart.</summary>
    public const int Step = 4;

    /// <summary>Leaves below a kept node of the lowest level; segments end at multiples of it.</summary>
    public const int Block = 1 << Step;

    public static Task<IReadOnlyList<byte[]>> InclusionAsync(DbConnection connection, DbTransaction? tx, long index, long size) => HashesAsync(connection, tx, Merkle.InclusionProof(index, size));

    public static Task<IReadOnlyList<byte[]>> ConsistencyAsync(DbConnection connection, DbTransaction? tx, long first, long second) => HashesAsync(connection, tx, Merkle.ConsistencyProof(first, second));

    /// <summary>The tree as it was at a size.</summary>
    /// <exception cref="RagException">Conflict: what it would be made of is not there.</exception>
    public static async Task<GrowingTree> TreeAsync(DbConnection connection, DbTransaction? tx, long size)
    {
        var tree = new GrowingTree();
        foreach (var (level, place) in Merkle.Subtrees(0, size)) tree.Add(level, await SubtreeAsync(connection, tx, level, place));
        return tree;
    }

    private static async Task<IReadOnlyList<byte[]>> HashesAsync(DbConnection connection, DbTransaction? tx, IReadOnlyList<(long From, long To)> stretches)
    {
        var hashes = new List<byte[]>();
        foreach (var (from, to) in stretches)
        {
            var subtrees = new List<byte[]>();
            foreach (var (level, place) in Merkle.Subtrees(from, to)) subtrees.Add(await SubtreeAsync(connection, tx, level, place));
            hashes.Add(Merkle.Root(subtrees));
        }
        return hashes;
    }

    public static async Task<byte[]> SubtreeAsync(DbConnection connection, DbTransaction? tx, int level, long place)
    {
        int kept = level - level % Step;
        int count = 1 << (level - kept);
        var (from, to) = (place * count, (place + 1) * count);
        var hashes = (await connection.QueryAsync<byte[]>(kept == 0
            ? "SELECT leaf_hash FROM audit_records WHERE leaf_index >= @from AND leaf_index < @to ORDER BY leaf_index"
            : "SELECT hash FROM audit_nodes WHERE level = @kept AND place >= @from AND place < @to ORDER BY place", new { kept = (long)kept, from, to }, tx)).AsList();
        if (hashes.Count != count || hashes.Exists(h => h is not { Length: Merkle.HashBytes })) throw new RagException(ErrorKind.Conflict, $"The tree of the audit record lacks what lies below its node {level}/{place}.", "Look at it with 'rag audit verify'.");
        while (hashes.Count > 1) hashes = [.. hashes.Chunk(2).Select(pair => Merkle.Node(pair[0], pair[1]))];
        return hashes[0];
    }
}
