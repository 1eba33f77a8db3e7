using System.Buffers.Binary;
using System.Security.Cryptography;
using Rag.Foundation;

namespace Rag.Backup;

/// <summary>
/// A file of a backup as it lies on disk: a signature, a salt, then pieces of <see cref="PieceBytes"/>, each sealed with
/// AES-256-GCM (NIST SP 800-38D) and followed by its tag. A piece's nonce is its number and, in its last byte, whether it is the last one: the
/// STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár, 2015), in which pieces can be neither reordered nor left
/// out nor cut off at the end. The key is this file's alone: derived from its salt, its name and its backup.
/// </summary>
internal static class SealedFile
{
    public const int PieceBytes = 64 * 1024, TagBytes = 16, SaltBytes = 32, HeaderBytes = 8 + SaltBytes;

    private const int NonceBytes = 12;

    public static ReadOnlySpan<byte> Signature => "RAGBKUP1"u8;

    internal static void Nonce(Span<byte> nonce, long piece, bool last)
    {
        nonce.Clear();
        BinaryPrimitives.WriteInt64BigEndian(nonce[3..], piece);
        nonce[^1] = last ? (byte)1 : (byte)0;
    }

    internal static byte[] NewNonce() => new byte[NonceBytes];

    internal static RagException Damaged(string path, string what) => new(ErrorKind.Invalid, $"{path} {what}.", "The backup is damaged; restore another, and make a new one.");
}

/// <summary>Seals what is written to it. Nothing of it is good before <see cref="FinishAsync"/>.</summary>
internal sealed class SealingWriter : IAsyncDisposable
{
    private const int FileBufferBytes = 1024 * 1024;

    private readonly FileStream _file;
    private readonly AesGcm _gcm;
    private readonly IncrementalHash _stored = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _plain = new byte[SealedFile.PieceBytes], _nonce = SealedFile.NewNonce();
    private readonly byte[] _out = new byte[FileBufferBytes];
    private int _used, _waiting;
    private long _pieces;

    private SealingWriter(FileStream file, AesGcm gcm) => (_file, _gcm) = (file, gcm);

    /// <summary>Length of the file so far.</summary>
    public long Bytes { get; private set; }

    public static async Task<SealingWriter> CreateAsync(string path, string backup, string name, BackupKey key, CancellationToken ct)
    {
        byte[] salt = RandomNumberGenerator.GetBytes(SealedFile.SaltBytes);
        byte[] derived = key.ForPart(backup, name, salt);
        var writer = new SealingWriter(new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0), new AesGcm(derived, SealedFile.TagBytes));
        CryptographicOperations.ZeroMemory(derived);
        await writer.PutAsync((byte[])[.. SealedFile.Signature, .. salt], ct);
        return writer;
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        while (bytes.Length > 0)
        {
            // A full piece waits until more comes: only then is it certain that it is not the last.
            if (_used == SealedFile.PieceBytes) await SealAsync(last: false, ct);
            int taken = Math.Min(bytes.Length, SealedFile.PieceBytes - _used);
            bytes.Span[..taken].CopyTo(_plain.AsSpan(_used));
            _used += taken;
            bytes = bytes[taken..];
        }
    }

    /// <summary>Seals the last piece and returns the file's SHA-256. It is on disk for certain when <see cref="Durable.SyncFile"/> was asked for it.</summary>
    public async Task<string> FinishAsync(CancellationToken ct)
    {
        await SealAsync(last: true, ct);
        await FlushAsync(ct);
        return Convert.ToHexStringLower(_stored.GetHashAndReset());
    }

    public async ValueTask DisposeAsync()
    {
        await _file.DisposeAsync();
        _gcm.Dispose();
        _stored.Dispose();
    }

    private async ValueTask SealAsync(bool last, CancellationToken ct)
    {
        if (_out.Length - _waiting < _used + SealedFile.TagBytes) await FlushAsync(ct);
        SealedFile.Nonce(_nonce, _pieces++, last);
        _gcm.Encrypt(_nonce, _plain.AsSpan(0, _used), _out.AsSpan(_waiting, _used), _out.AsSpan(_waiting + _used, SealedFile.TagBytes));
        _waiting += _used + SealedFile.TagBytes;
        Bytes += _used + SealedFile.TagBytes;
        _used = 0;
    }

    private async ValueTask PutAsync(ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        if (_out.Length - _waiting < bytes.Length) await FlushAsync(ct);
        bytes.CopyTo(_out.AsMemory(_waiting));
        _waiting += bytes.Length;
        Bytes += bytes.Length;
    }

    private async ValueTask FlushAsync(CancellationToken ct)
    {
        _stored.AppendData(_out.AsSpan(0, _waiting));
        await _file.WriteAsync(_out.AsMemory(0, _waiting), ct);
        _waiting = 0;
    }
}

/// <summary>Reads a sealed file; gives out nothing that its tag does not prove.</summary>
internal sealed class OpeningStream : Stream
{
    private const int ReadBytes = 16 * (SealedFile.PieceBytes + SealedFile.TagBytes);

    private readonly FileStream _file;
    private readonly string _path;
    private readonly AesGcm _gcm;
    private readonly IncrementalHash? _stored;
    private readonly byte[] _in = new byte[ReadBytes], _plain = new byte[SealedFile.PieceBytes], _nonce = SealedFile.NewNonce();
    private int _start, _end, _plainAt, _plainEnd;
    private long _pieces;
    private bool _fileEnded, _ended;

    private OpeningStream(FileStream file, string path, AesGcm gcm, IncrementalHash? stored) => (_file, _path, _gcm, _stored) = (file, path, gcm, stored);

    /// <summary>SHA-256 of the file; to be asked once, after everything was read.</summary>
    public string StoredSha256 => Convert.ToHexStringLower(_stored!.GetHashAndReset());

    /// <param name="hash">Also hashes the file as it lies on disk.</param>
    /// <exception cref="RagException">Invalid: the file is none of these.</exception>
    public static async Task<OpeningStream> OpenAsync(string path, string backup, string name, BackupKey key, bool hash, CancellationToken ct)
    {
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (IOException e)
        {
            throw new RagException(ErrorKind.Invalid, $"{path} cannot be opened: {e.Message}", "The backup is damaged; restore another, and make a new one.", e);
        }
        try
        {
            byte[] header = new byte[SealedFile.HeaderBytes];
            if (await file.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, ct) < header.Length || !header.AsSpan().StartsWith(SealedFile.Signature)) throw SealedFile.Damaged(path, "is not a file of a backup");
            var stored = hash ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
            stored?.AppendData(header);
            byte[] derived = key.ForPart(backup, name, header.AsSpan(SealedFile.Signature.Length));
            var stream = new OpeningStream(file, path, new AesGcm(derived, SealedFile.TagBytes), stored);
            CryptographicOperations.ZeroMemory(derived);
            return stream;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken ct = default)
    {
        if (_plainAt == _plainEnd && !await OpenNextAsync(ct)) return 0;
        int taken = Math.Min(buffer.Length, _plainEnd - _plainAt);
        _plain.AsSpan(_plainAt, taken).CopyTo(buffer.Span);
        _plainAt += taken;
        return taken;
    }

    private async ValueTask<bool> OpenNextAsync(CancellationToken ct)
    {
        if (_ended) return false;
        const int Sealed = SealedFile.PieceBytes + SealedFile.TagBytes;
        // One byte more than a piece says whether it is the last.
        if (_end - _start <= Sealed && !_fileEnded)
        {
            _in.AsSpan(_start, _end - _start).CopyTo(_in);
            (_start, _end) = (0, _end - _start);
            int read = await _file.ReadAtLeastAsync(_in.AsMemory(_end), _in.Length - _end, throwOnEndOfStream: false, ct);
            _stored?.AppendData(_in.AsSpan(_end, read));
            _end += read;
            _fileEnded = _end < _in.Length;
        }
        int length = Math.Min(Sealed, _end - _start);
        bool last = _fileEnded && length == _end - _start;
        int plain = length - SealedFile.TagBytes;
        // Only a file that holds nothing ends with an empty piece.
        if (plain < 0 || (plain == 0 && _pieces > 0)) throw SealedFile.Damaged(_path, "is cut off");
        SealedFile.Nonce(_nonce, _pieces++, last);
        try
        {
            _gcm.Decrypt(_nonce, _in.AsSpan(_start, plain), _in.AsSpan(_start + plain, SealedFile.TagBytes), _plain.AsSpan(0, plain));
        }
        catch (AuthenticationTagMismatchException)
        {
            throw SealedFile.Damaged(_path, "was changed, cut off or put in another's place");
        }
        _start += length;
        (_plainAt, _plainEnd) = (0, plain);
        _ended = last;
        return plain > 0;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
            _gcm.Dispose();
            _stored?.Dispose();
        }
        base.Dispose(disposing);
    }
}
