using System.Text.Json;
using Rag.Foundation;

namespace Rag.Audit;

/// <summary>
/// Checks an export with the public key alone: without a server, its database or its secrets. The tree is computed from what
/// the lines hold, its root must be the signed one, and every event must be what its envelope was sealed with.
/// </summary>
internal static class ExportVerifier
{
    private const int MaxListed = 100;

    /// <param name="publicKey">The verifier key that 'rag audit key show' prints, or the key as PEM.</param>
    /// <param name="notes">Checkpoints from outside, to compare with as well.</param>
    /// <exception cref="RagException">Invalid: it is no export, or no key.</exception>
    public static async Task<AuditVerification> VerifyAsync(TextReader export, string publicKey, IReadOnlyList<string> notes, CancellationToken ct)
    {
        var problems = new List<string>();
        long problemCount = 0, records = 0, expired = 0, @sealed = 0, left = 0;
        var header = Parse(await export.ReadLineAsync(ct), AuditJson.Default.ExportHeader);
        if (header is not { RagAuditExport: AuditExport.Version, Origin: not null, Checkpoint: not null }) throw new RagException(ErrorKind.Invalid, "This is no export of an audit record.", "Name a file that 'rag audit export' wrote.");
        var key = NoteKey.Parse(publicKey, header.Origin) ?? throw new RagException(ErrorKind.Invalid, "This is no public key of an audit record.", "Name a file with what 'rag audit key show' prints.");
        var signed = new SortedDictionary<long, Checkpoint>();
        foreach (string note in notes.Append(header.Checkpoint))
        {
            if (Checkpoint.Open(note, key) is not { } c || c.Origin != key.Name) Problem($"a checkpoint is not signed by {key.Name} with this key");
            else if (signed.TryGetValue(c.Size, out var other) && !other.Root.AsSpan().SequenceEqual(c.Root)) Problem($"two checkpoints sign different records of the same number, {c.Size}");
            else signed[c.Size] = c;
        }
        var own = Checkpoint.Open(header.Checkpoint, key);
        if (own is null || own.Size != header.Size) Problem("the export's own checkpoint is not of its size, or not signed");
        // What was signed later than this export is not its affair.
        int compared = 0;
        var tree = new GrowingTree();
        ExportEnd? end = null;
        while (await export.ReadLineAsync(ct) is { } text)
        {
            if (Parse(text, AuditJson.Default.ExportLine) is not { } line)
            {
                Problem("a line is no JSON");
                break;
            }
            if (line is { Leaf: { } leaf, Envelope: { } bytes })
            {
                if (leaf != tree.Size) Problem($"record {leaf} stands where record {tree.Size} should");
                Check(line, bytes, leaf);
                tree.Add(Merkle.Leaf(bytes));
                records++;
            }
            else if (line is { First: { } first, Hashes: { } hashes } && first == tree.Size && hashes.All(h => h is { Length: Merkle.HashBytes }))
            {
                foreach (byte[] hash in hashes)
                {
                    tree.Add(hash);
                    Compare();
                }
                left += hashes.Count;
            }
            else if (line is { Level: { } level and >= 0 and < 62, Place: { } place, Hash: { Length: Merkle.HashBytes } subtree } && place << level == tree.Size && (tree.Size & ((1L << level) - 1)) == 0)
            {
                tree.Add(level, subtree);
                expired += 1L << level;
            }
            else if (Parse(text, AuditJson.Default.ExportEnd) is { End: > 0 } last && line.Leaf is null)
            {
                end = last;
                break;
            }
            else
            {
                Problem($"a line after record {tree.Size} is none of an export, or not in its place");
                break;
            }
            Compare();
        }
        if (end is null || end.End != tree.Size || end.Records != records) Problem("the export is not whole");
        if (await export.ReadLineAsync(ct) is not null) Problem("the export goes on after its end");
        if (own is not null && own.Size != tree.Size) Problem($"{tree.Size} records are here, and {own.Size} were signed");
        if (problemCount == 0 && compared == 0) Problem("no checkpoint was compared");
        return new(problemCount == 0, records, 0, expired + left, @sealed, compared, own?.Size ?? 0, own?.At, problems, problemCount);

        void Check(ExportLine line, byte[] bytes, long place)
        {
            if (Envelope.Parse(bytes) is not { } envelope) Problem($"record {place} is no envelope");
            else if (line.Key is null)
            {
                @sealed++;
                if (line.Event is not null) Problem($"record {place} shows an event and not the key that it was sealed with");
            }
            else if (envelope.Open(line.Key) is not { } ocsf || line.Event is not { } shown || !JsonElement.DeepEquals(AuditQuery.Parse(ocsf), shown)) Problem($"the event of record {place} is not the one that was sealed");
        }

        void Compare()
        {
            if (!signed.TryGetValue(tree.Size, out var c)) return;
            compared++;
            if (!tree.Root.AsSpan().SequenceEqual(c.Root)) Problem($"the first {tree.Size} records are not those that were signed at {c.At:yyyy-MM-dd HH:mm:ss} UTC");
        }

        void Problem(string what)
        {
            if (++problemCount <= MaxListed) problems.Add(what);
        }
    }

    private static T? Parse<T>(string? line, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) where T : class
    {
        try
        {
            return line is null ? null : JsonSerializer.Deserialize(line, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
