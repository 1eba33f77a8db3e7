using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Rag.Audit;

namespace Rag.Tests.Audit;

/// <summary>The tree against the hashes that implementations of RFC 6962 share, and against the definition for trees of any size.</summary>
public sealed class MerkleTests
{
    /// <summary>The leaves of the tree that implementations are tested with, and its roots at every size.</summary>
    internal static readonly string[] Leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

    private static readonly string[] Roots =
    [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    [Fact]
    public void The_roots_of_the_tree_that_everybody_tests_with_are_the_known_ones()
    {
        var tree = new GrowingTree();
        Convert.ToHexStringLower(tree.Root).ShouldBe(Roots[0]);
        for (int i = 0; i < Leaves.Length; i++)
        {
            tree.Add(Merkle.Leaf(Convert.FromHexString(Leaves[i])));
            Convert.ToHexStringLower(tree.Root).ShouldBe(Roots[i + 1]);
        }
    }

    [Theory]
    [InlineData(0, 8, "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e 6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")]
    [InlineData(5, 8, "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0 d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")]
    [InlineData(2, 3, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")]
    [InlineData(1, 5, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d 5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b")]
    public void Known_inclusion_proofs_are_made_and_accepted(int index, int size, string proof)
    {
        byte[][] leaves = [.. Leaves.Select(l => Merkle.Leaf(Convert.FromHexString(l)))];
        var made = Merkle.InclusionProof(index, size).Select(s => Naive(leaves, s.From, s.To)).ToList();
        made.Select(Convert.ToHexStringLower).ShouldBe(proof.Split(' '));
        Merkle.Includes(leaves[index], index, size, made, Convert.FromHexString(Roots[size])).ShouldBeTrue();
    }

    [Theory]
    [InlineData(1, 8, "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e 6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")]
    [InlineData(6, 8, "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0 d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")]
    [InlineData(2, 5, "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b")]
    public void Known_consistency_proofs_are_made_and_accepted(int first, int second, string proof)
    {
        byte[][] leaves = [.. Leaves.Select(l => Merkle.Leaf(Convert.FromHexString(l)))];
        var made = Merkle.ConsistencyProof(first, second).Select(s => Naive(leaves, s.From, s.To)).ToList();
        made.Select(Convert.ToHexStringLower).ShouldBe(proof.Split(' '));
        Merkle.Continues(first, Convert.FromHexString(Roots[first]), second, Convert.FromHexString(Roots[second]), made).ShouldBeTrue();
    }

    [Fact]
    public void Every_leaf_of_a_tree_of_any_size_is_proven_and_no_other() => Gen.Select(Gen.Int[1, 300], Gen.Int[0, 299]).Sample((size, at) =>
    {
        int index = at % size;
        byte[][] leaves = LeavesOf(size);
        byte[] root = Naive(leaves, 0, size);
        var proof = Merkle.InclusionProof(index, size).Select(s => Naive(leaves, s.From, s.To)).ToList();
        return Merkle.Includes(leaves[index], index, size, proof, root)
            && !Merkle.Includes(leaves[(index + 1) % size], index, size, proof, root) | size == 1
            && (size == 1 || !Merkle.Includes(leaves[index], (index + 1) % size, size, proof, root))
            && !Merkle.Includes(leaves[index], index, size, [.. proof, root], root)
            && (proof.Count == 0 || !Merkle.Includes(leaves[index], index, size, [.. proof.Skip(1)], root));
    });

    [Fact]
    public void A_tree_of_any_size_is_proven_to_continue_any_smaller_one() => Gen.Select(Gen.Int[1, 300], Gen.Int[0, 300]).Sample((second, at) =>
    {
        int first = at % (second + 1);
        byte[][] leaves = LeavesOf(second);
        byte[] root = Naive(leaves, 0, second), before = Naive(leaves, 0, first);
        var proof = Merkle.ConsistencyProof(first, second).Select(s => Naive(leaves, s.From, s.To)).ToList();
        if (!Merkle.Continues(first, before, second, root, proof)) return false;
        if (first == 0) return true;
        // Another history of the same length is none that this tree continues.
        byte[][] forked = [.. leaves];
        forked[first - 1] = Merkle.Leaf("forked"u8);
        return !Merkle.Continues(first, Naive(forked, 0, first), second, root, proof);
    });

    [Fact]
    public void A_tree_grows_to_the_root_that_the_definition_says_whether_by_leaves_or_subtrees() => Gen.Select(Gen.Int[0, 300], Gen.Int[0, 300]).Sample((size, at) =>
    {
        byte[][] leaves = LeavesOf(size);
        var grown = new GrowingTree();
        foreach (byte[] leaf in leaves) grown.Add(leaf);
        var whole = new GrowingTree();
        foreach (var (level, place) in Merkle.Subtrees(0, size)) whole.Add(level, Naive(leaves, place << level, (place + 1) << level));
        var restored = GrowingTree.Restore(size, grown.Peaks);
        int cut = Math.Min(at, size);
        var stretches = Merkle.Subtrees(cut, size).ToList();
        return grown.Root.SequenceEqual(Naive(leaves, 0, size)) && whole.Root.SequenceEqual(grown.Root) && restored.Root.SequenceEqual(grown.Root)
            && stretches.Sum(s => 1L << s.Level) == size - cut;
    });

    [Fact]
    public void A_checkpoint_opens_with_its_key_and_as_it_was_signed_alone()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("rag-test-").FullName, "key.pem");
        AuditKeys.Create(path);
        using var keys = AuditKeys.Read(path);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        var checkpoint = new Checkpoint("rag.example/audit", 17, SHA256.HashData("root"u8), new(2026, 11, 27, 1, 2, 3, TimeSpan.Zero));
        string note = checkpoint.Sign(keys);
        var key = NoteKey.Of("rag.example/audit", keys.PublicKey);
        Checkpoint.Open(note, key).ShouldNotBeNull().Root.ShouldBe(checkpoint.Root);
        Checkpoint.Open(note, NoteKey.Parse(key.ToString(), null).ShouldNotBeNull()).ShouldNotBeNull().Size.ShouldBe(17);
        Checkpoint.Open(note, NoteKey.Parse(keys.PublicKeyPem, "rag.example/audit").ShouldNotBeNull()).ShouldNotBeNull();
        Checkpoint.Open(note, NoteKey.Of("rag.example/other", keys.PublicKey)).ShouldBeNull();
        Checkpoint.Open(note.Replace("\n17\n", "\n18\n", StringComparison.Ordinal), key).ShouldBeNull();
        // Signatures of keys that nobody asked for change nothing.
        string foreign = note + $"\u2014 witness.example {Convert.ToBase64String(Encoding.ASCII.GetBytes("12345678"))}\n";
        Checkpoint.Open(foreign, key).ShouldNotBeNull();
        Gen.Int[0, note.Length - 1].Sample(at =>
        {
            // One character more than was signed, anywhere.
            string changed = note.Insert(at, "x");
            return Checkpoint.Open(changed, key) is null;
        });
    }

    private static byte[][] LeavesOf(int size) => [.. Enumerable.Range(0, size).Select(i => Merkle.Leaf(BitConverter.GetBytes(i)))];

    /// <summary>MTH of RFC 6962, 2.1, word for word.</summary>
    private static byte[] Naive(byte[][] leaves, long from, long to)
    {
        if (from == to) return SHA256.HashData([]);
        if (to - from == 1) return leaves[from];
        long k = 1;
        while (k * 2 < to - from) k *= 2;
        return SHA256.HashData([1, .. Naive(leaves, from, from + k), .. Naive(leaves, from + k, to)]);
    }
}
