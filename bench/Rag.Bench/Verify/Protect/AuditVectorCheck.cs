using System.Diagnostics;
using System.Text.Json;
using Rag.Audit;
using Rag.Testing;

namespace Rag.Bench.Verify.Protect;

/// <summary>The tree against hashes that everybody knows, and our checkpoints and proofs against programs that are none of ours: OpenSSL, and a few lines of Python.</summary>
internal static class AuditVectorCheck
{
    private const int Proofs = 40, QuickProofs = 10;

    private static readonly string[] Leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

    private static readonly string[] Roots =
    [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    private static readonly (int Index, int Size, string[] Proof)[] Inclusion =
    [
        (0, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]),
        (5, 8, ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
        (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (1, 5, ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]),
    ];

    private static readonly (int First, int Second, string[] Proof)[] Consistency =
    [
        (1, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]),
        (6, 8, ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
        (2, 5, ["5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]),
    ];

    /// <summary>
    /// Reads a checkpoint by C2SP's description, has OpenSSL check its signature, and climbs each proof by the definition of
    /// RFC 6962, 2.1: which child of a node is a leaf below is told by splitting the tree, not by the bits of an index.
    /// </summary>
    private const string Script = """
        import base64, hashlib, json, subprocess, sys
        folder = sys.argv[1]
        given = json.load(open(folder + "/given.json"))
        wrong = 0
        note = given["checkpoint"]
        text, signatures = note.rsplit("\n\n", 1)
        text += "\n"
        origin, size, root = text.split("\n")[:3]
        size, root = int(size), base64.b64decode(root)
        name, signature = signatures.splitlines()[0].removeprefix("\u2014 ").split(" ")
        raw = base64.b64decode(signature)
        pem = given["pem"]
        der = base64.b64decode("".join(line for line in pem.splitlines() if "-" not in line))
        if name != origin or raw[:4] != hashlib.sha256(der).digest()[:4]: wrong += 1
        if given["verifier"] != f"{origin}+{raw[:4].hex()}+{base64.b64encode(bytes([2]) + der).decode()}": wrong += 1
        for file, content in (("text", text.encode()), ("signature", raw[4:]), ("key.pem", pem.encode())): open(folder + "/" + file, "wb").write(content)
        check = ["openssl", "dgst", "-sha256", "-verify", folder + "/key.pem", "-signature", folder + "/signature"]
        if subprocess.run(check + [folder + "/text"], capture_output=True).returncode != 0: wrong += 1
        open(folder + "/text", "wb").write(text.replace("\n", "\n ", 1).encode())
        if subprocess.run(check + [folder + "/text"], capture_output=True).returncode == 0: wrong += 1
        def node(left, right): return hashlib.sha256(b"\x01" + left + right).digest()
        def climb(leaf, index, count, hashes):
            if count == 1: return leaf
            half = 1
            while half * 2 < count: half *= 2
            *below, beside = hashes
            return node(climb(leaf, index, half, below), beside) if index < half else node(beside, climb(leaf, index - half, count - half, below))
        for proof in given["proofs"]:
            leaf = hashlib.sha256(b"\x00" + base64.b64decode(proof["envelope"])).digest()
            hashes = [base64.b64decode(h) for h in proof["hashes"]]
            if climb(leaf, proof["leaf"], size, hashes) != root: wrong += 1
        print(wrong)
        """;

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        foreach (string program in new[] { "python3", "openssl" })
            if (ChildServer.Find(program) is null) throw new CannotMeasureException($"{program} is not installed");
        int known = Known(out int compared);
        int proofs = context.Quick ? QuickProofs : Proofs;
        string folder = Directory.CreateTempSubdirectory("rag-audit-vectors-").FullName;
        try
        {
            await using var log = await AuditLog.CreateAsync("sqlite", ct);
            for (int round = 0; round < 3; round++) await log.GrowAsync(round, ct);
            var query = log.Get<AuditQuery>();
            var records = (await query.ListAsync(new(Action: "thing.*", Limit: AuditQuery.MaxPage), ct)).Records;
            var proven = new List<AuditProof>();
            foreach (var record in records.Where(r => r.Leaf is not null).Take(proofs)) proven.Add(await query.ProveAsync(record.Id, ct));
            if (proven.Count == 0 || proven.Exists(p => p.Checkpoint != proven[0].Checkpoint)) throw new CannotMeasureException("there are no proofs under one checkpoint");
            var given = new
            {
                checkpoint = proven[0].Checkpoint, pem = query.Key.Pem, verifier = query.Key.Verifier,
                proofs = proven.Select(p => new { envelope = Convert.ToBase64String(p.Envelope), leaf = p.Leaf, hashes = p.Hashes.Select(Convert.ToBase64String) }),
            };
            await File.WriteAllTextAsync(Path.Combine(folder, "given.json"), JsonSerializer.Serialize(given), ct);
            await File.WriteAllTextAsync(Path.Combine(folder, "check.py"), Script, ct);
            int others = await RunAsync(folder, ct);
            return new(known + others, $"{compared} known hashes and proofs: {known} differ; {proven.Count} inclusion proofs, a checkpoint's signature and key id, and one that was changed, checked by Python and OpenSSL: {others} wrong");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static int Known(out int compared)
    {
        int wrong = 0, n = 0;
        byte[][] leaves = [.. Leaves.Select(l => Merkle.Leaf(Convert.FromHexString(l)))];
        byte[] root(int size)
        {
            var tree = new GrowingTree();
            foreach (byte[] leaf in leaves.Take(size)) tree.Add(leaf);
            return tree.Root;
        }
        byte[] stretch(long from, long to)
        {
            var tree = new GrowingTree();
            for (long i = from; i < to; i++) tree.Add(leaves[i]);
            return tree.Root;
        }
        for (int size = 0; size <= leaves.Length; size++) Expect(Convert.ToHexStringLower(root(size)) == Roots[size]);
        foreach (var (index, size, proof) in Inclusion)
        {
            var made = Merkle.InclusionProof(index, size).Select(s => stretch(s.From, s.To)).ToList();
            Expect(made.Select(Convert.ToHexStringLower).SequenceEqual(proof));
            Expect(Merkle.Includes(leaves[index], index, size, made, root(size)));
        }
        foreach (var (first, second, proof) in Consistency)
        {
            var made = Merkle.ConsistencyProof(first, second).Select(s => stretch(s.From, s.To)).ToList();
            Expect(made.Select(Convert.ToHexStringLower).SequenceEqual(proof));
            Expect(Merkle.Continues(first, root(first), second, root(second), made));
        }
        compared = n;
        return wrong;

        void Expect(bool holds)
        {
            n++;
            if (!holds) wrong++;
        }
    }

    private static async Task<int> RunAsync(string folder, CancellationToken ct)
    {
        var info = new ProcessStartInfo("python3") { RedirectStandardOutput = true, RedirectStandardError = true };
        info.ArgumentList.Add(Path.Combine(folder, "check.py"));
        info.ArgumentList.Add(folder);
        using var process = Process.Start(info) ?? throw new CannotMeasureException("python3 did not start");
        var said = process.StandardError.ReadToEndAsync(ct);
        string output = await process.StandardOutput.ReadToEndAsync(ct);
        await process.WaitForExitAsync(ct);
        return process.ExitCode == 0 && int.TryParse(output.Trim(), out int wrong) ? wrong : throw new CannotMeasureException($"the check in Python failed: {await said}");
    }
}
