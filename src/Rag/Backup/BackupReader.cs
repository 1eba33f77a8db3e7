using System.Runtime.CompilerServices;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Backup;

/// <summary>Reads one backup: its manifest at once, its parts one at a time; nothing is given out that is not authentic.</summary>
internal sealed class BackupReader
{
    /// <summary>Reading and decompressing go on while the rows are taken in.</summary>
    private const int BlocksAhead = 4;

    private readonly string _directory;
    private readonly BackupKey _key;

    private BackupReader(string directory, BackupKey key, BackupManifest manifest, string manifestSha256) =>
        (_directory, _key, Manifest, ManifestSha256) = (directory, key, manifest, manifestSha256);

    public BackupManifest Manifest { get; }

    /// <summary>SHA-256 of the manifest file.</summary>
    public string ManifestSha256 { get; }

    /// <summary>Reads the manifest and looks whether every part is there; the folder's name must be the backup's id.</summary>
    /// <exception cref="RagException">Invalid: not a backup, changed, or of another folder; Unavailable: its key is not here; Unsupported: of a newer release.</exception>
    public static async Task<BackupReader> OpenAsync(string directory, BackupKeys keys, CancellationToken ct)
    {
        string path = Path.Combine(directory, ManifestFile.Name);
        var manifest = await ManifestFile.ReadAsync(path, keys, whole: true, ct);
        if (manifest.Id != Path.GetFileName(Path.TrimEndingDirectorySeparator(directory)))
            throw new RagException(ErrorKind.Invalid, $"The manifest in {directory} is that of the backup {manifest.Id}.", "The backup was put in another's place; restore another.");
        foreach (var part in manifest.Parts)
        {
            var file = new FileInfo(Path.Combine(directory, part.File));
            if (!file.Exists) throw SealedFile.Damaged(file.FullName, "is missing");
            if (file.Length != part.StoredBytes) throw SealedFile.Damaged(file.FullName, $"has {file.Length:N0} bytes, not {part.StoredBytes:N0}");
        }
        return new(directory, keys.Find(manifest.Key)!, manifest, Sha256.Hex(await File.ReadAllBytesAsync(path, ct)));
    }

    /// <summary>Where its manifest lies.</summary>
    public string ManifestPath => Path.Combine(_directory, ManifestFile.Name);

    /// <summary>Where a part lies.</summary>
    public string PathOf(BackupPart part) => Path.Combine(_directory, part.File);

    /// <summary>Reads everything and checks every digest, tag and count; a few parts at a time.</summary>
    /// <exception cref="RagException">Invalid: what is wrong with which part.</exception>
    public async Task VerifyAsync(IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        long done = 0, total = Manifest.PlainBytes;
        await Parallel.ForEachAsync(Manifest.Parts, new ParallelOptions { MaxDegreeOfParallelism = Math.Min(4, Environment.ProcessorCount), CancellationToken = ct }, async (part, stop) =>
        {
            if (part.Kind == PartKind.Rows)
            {
                await foreach (var block in PartReader.RowsAsync(_directory, Manifest.Id, part, _key, check: true, stop)) Report(part, block.Bytes.Length);
            }
            else
            {
                await PartReader.CopyToAsync(_directory, Manifest.Id, part, _key, Stream.Null, stop);
                Report(part, part.PlainBytes);
            }
        });

        void Report(BackupPart part, long bytes) => progress?.Report(new("verify " + part.Name, Interlocked.Add(ref done, bytes), total));
    }

    /// <summary>The tables that are in here, in the order in which they are put back.</summary>
    public IReadOnlyList<string> Tables => [.. Manifest.Parts.Where(p => p.Kind == PartKind.Rows).Select(p => p.Name).Distinct()];

    public IReadOnlyList<RecordColumn> Columns(string table) =>
        [.. Manifest.Parts.First(p => p.Kind == PartKind.Rows && p.Name == table).Columns!.Select(c => new RecordColumn(c.Name, Enum.Parse<ColumnType>(c.Type, ignoreCase: true)))];

    /// <summary>Rows of a table, in whole blocks. What was given out before an exception must not be kept.</summary>
    public IAsyncEnumerable<RowBlock> ReadAsync(string table, CancellationToken ct) => PartsAsync(table, ct).Ahead(BlocksAhead, ct);

    /// <summary>What a part of another kind than rows holds.</summary>
    public Task CopyToAsync(BackupPart part, Stream to, CancellationToken ct) => PartReader.CopyToAsync(_directory, Manifest.Id, part, _key, to, ct);

    private async IAsyncEnumerable<RowBlock> PartsAsync(string table, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var part in Manifest.Parts.Where(p => p.Kind == PartKind.Rows && p.Name == table))
            await foreach (var block in PartReader.RowsAsync(_directory, Manifest.Id, part, _key, check: false, ct))
                yield return new(block.Bytes.ToArray(), [.. block.Ends]);
    }
}
