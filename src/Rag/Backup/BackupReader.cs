using Rag.Storage;

namespace Rag.Backup;

/// <summary>Reads one backup: its manifest at once, its parts one at a time; nothing is given out that is not authentic.</summary>
internal sealed class BackupReader
{
    /// <exception cref="Foundation.RagException">Invalid: not a backup, changed, of another key or another folder; Unsupported: of a newer release.</exception>
    public static Task<BackupReader> OpenAsync(string directory, BackupKeys keys, CancellationToken ct) => throw new NotImplementedException();

    public BackupManifest Manifest => throw new NotImplementedException();

    /// <summary>Reads everything and checks every digest, tag and count.</summary>
    /// <exception cref="Foundation.RagException">Invalid: what is wrong with which part.</exception>
    public Task VerifyAsync(IProgress<BackupProgress>? progress, CancellationToken ct) => throw new NotImplementedException();

    /// <summary>Rows of a table, in whole blocks. What was given out before an exception must not be kept.</summary>
    public IAsyncEnumerable<RowBlock> ReadAsync(string table, CancellationToken ct) => throw new NotImplementedException();

    /// <summary>What a part of another kind than rows holds.</summary>
    public Task CopyToAsync(BackupPart part, Stream to, CancellationToken ct) => throw new NotImplementedException();
}
