using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Rag.Foundation;
using Rag.Storage;
using ZstdSharp;

namespace Rag.Backup;

/// <summary>Reads one part back: opened, decompressed, and checked against what the manifest says of it.</summary>
internal static class PartReader
{
    /// <summary>The rows of a part, in whole blocks.</summary>
    /// <param name="check">Also every digest, of the file and of what it holds; without it, tags and counts alone.</param>
    public static async IAsyncEnumerable<RowBlock> RowsAsync(string directory, string backup, BackupPart part, BackupKey key, bool check, [EnumeratorCancellation] CancellationToken ct)
    {
        await using var reader = await OpenPart.OpenAsync(directory, backup, part, key, check, ct);
        var cutter = new RowCutter(part.Columns!.Count);
        var digest = check ? new TableDigest() : null;
        long rows = 0;
        while (true)
        {
            int read = await reader.ReadAsync(cutter.Room(), ct);
            cutter.Advance(read);
            if (read > 0 && cutter.Rest.Length < RowBuffer.BlockBytes) continue;
            var block = cutter.Take(out bool ended);
            if (ended) throw RowFormat.NotRows();
            if (block.Ends.Count > 0)
            {
                rows += block.Ends.Count;
                digest?.Add(block);
                yield return block;
            }
            if (read == 0 && block.Ends.Count == 0) break;
        }
        if (cutter.Rest.Length > 0 || rows != part.Rows || (digest is not null && digest.ToString() != part.Digest)) throw Wrong(part, $"holds other rows than the {part.Rows:N0} that the manifest names");
    }

    /// <summary>What a part holds, into a stream; checked in full.</summary>
    public static async Task CopyToAsync(string directory, string backup, BackupPart part, BackupKey key, Stream to, CancellationToken ct)
    {
        await using var reader = await OpenPart.OpenAsync(directory, backup, part, key, check: true, ct);
        byte[] buffer = new byte[RowBuffer.BlockBytes];
        while (await reader.ReadAsync(buffer, ct) is > 0 and var read) await to.WriteAsync(buffer.AsMemory(0, read), ct);
    }

    private static RagException Wrong(BackupPart part, string what) => SealedFile.Damaged(part.File, what);

    /// <summary>The bytes that a part holds; at their end everything is compared.</summary>
    private sealed class OpenPart : IAsyncDisposable
    {
        private readonly BackupPart _part;
        private readonly OpeningStream _file;
        private readonly DecompressionStream _plain;
        private readonly IncrementalHash? _hash;
        private readonly bool _check;
        private long _bytes;
        private bool _ended;

        private OpenPart(BackupPart part, OpeningStream file, bool check)
        {
            (_part, _file, _check) = (part, file, check);
            _plain = new DecompressionStream(file, leaveOpen: true);
            _hash = check ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        }

        public static async Task<OpenPart> OpenAsync(string directory, string backup, BackupPart part, BackupKey key, bool check, CancellationToken ct)
        {
            string path = Path.Combine(directory, part.File);
            if (new FileInfo(path) is not { Exists: true } file) throw Wrong(part, "is missing");
            if (file.Length != part.StoredBytes) throw Wrong(part, $"has {file.Length:N0} bytes, not {part.StoredBytes:N0}");
            return new(part, await OpeningStream.OpenAsync(path, backup, part.File, key, check, ct), check);
        }

        public async ValueTask<int> ReadAsync(Memory<byte> to, CancellationToken ct)
        {
            int read;
            try
            {
                read = await _plain.ReadAsync(to, ct);
            }
            catch (Exception e) when (e is ZstdException or EndOfStreamException or IOException)
            {
                throw Wrong(_part, $"cannot be decompressed: {e.Message}");
            }
            _bytes += read;
            // Not a byte more than was written, whatever the compressed bytes unfold to.
            if (_bytes > _part.PlainBytes) throw Wrong(_part, "holds more than the manifest says");
            _hash?.AppendData(to.Span[..read]);
            if (read == 0 && !_ended) await EndAsync(ct);
            return read;
        }

        public async ValueTask DisposeAsync()
        {
            await _plain.DisposeAsync();
            await _file.DisposeAsync();
            _hash?.Dispose();
        }

        private async ValueTask EndAsync(CancellationToken ct)
        {
            _ended = true;
            if (_bytes != _part.PlainBytes) throw Wrong(_part, $"holds {_bytes:N0} bytes, not {_part.PlainBytes:N0}");
            // The decompressor may stop before the last piece, which says that nothing was cut off.
            byte[] rest = new byte[1];
            if (await _file.ReadAsync(rest, ct) > 0) throw Wrong(_part, "holds more than its rows");
            if (!_check) return;
            if (_file.StoredSha256 != _part.StoredSha256) throw Wrong(_part, "is not the file that was written");
            if (Convert.ToHexStringLower(_hash!.GetHashAndReset()) != _part.PlainSha256) throw Wrong(_part, "does not hold what was written");
        }
    }
}
