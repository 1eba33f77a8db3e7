using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Threading.Channels;
using ZstdSharp;

namespace Rag.Backup;

/// <summary>
/// Writes one part: hashed, compressed, sealed. What is written is cut into frames of Zstandard (RFC 8878), which stand for
/// themselves, so that processors share the work; frames one behind the other are one stream for whoever reads it. A few frames
/// are in memory at a time.
/// </summary>
internal sealed class PartWriter : IAsyncDisposable
{
    private const int FrameBytes = 2 * 1024 * 1024;

    private static readonly int InFlight = Math.Clamp(Environment.ProcessorCount, 2, 8);

    private readonly string _path, _temporary;
    private readonly int _level;
    private readonly SealingWriter _file;
    private readonly IncrementalHash _plain = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Channel<Task<(byte[] Bytes, int Length)>> _frames = Channel.CreateBounded<Task<(byte[], int)>>(InFlight);
    private readonly ConcurrentBag<Compressor> _compressors = [];
    private readonly Task _writing;
    private byte[] _frame = ArrayPool<byte>.Shared.Rent(FrameBytes);
    private int _used;

    private PartWriter(string path, string temporary, int level, SealingWriter file, CancellationToken ct)
    {
        (_path, _temporary, _level, _file) = (path, temporary, level, file);
        _writing = Task.Run(() => WriteFramesAsync(ct), CancellationToken.None);
    }

    public long PlainBytes { get; private set; }

    public static async Task<PartWriter> CreateAsync(string directory, string backup, string name, BackupKey key, int level, CancellationToken ct)
    {
        string path = Path.Combine(directory, name), temporary = path + ".tmp";
        return new(path, temporary, level, await SealingWriter.CreateAsync(temporary, backup, name, key, ct), ct);
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        _plain.AppendData(bytes.Span);
        PlainBytes += bytes.Length;
        while (bytes.Length > 0)
        {
            int taken = Math.Min(bytes.Length, FrameBytes - _used);
            bytes.Span[..taken].CopyTo(_frame.AsSpan(_used));
            _used += taken;
            bytes = bytes[taken..];
            if (_used == FrameBytes) await SendFrameAsync(ct);
        }
    }

    /// <summary>Ends the part and gives it its name; whoever notes it puts it on disk first.</summary>
    public async Task<(string PlainSha256, long StoredBytes, string StoredSha256)> FinishAsync(CancellationToken ct)
    {
        // A part of nothing has one empty frame.
        if (_used > 0 || PlainBytes == 0) await SendFrameAsync(ct);
        _frames.Writer.TryComplete();
        await _writing;
        string stored = await _file.FinishAsync(ct);
        long bytes = _file.Bytes;
        await _file.DisposeAsync();
        File.Move(_temporary, _path, overwrite: true);
        return (Convert.ToHexStringLower(_plain.GetHashAndReset()), bytes, stored);
    }

    public async ValueTask DisposeAsync()
    {
        _frames.Writer.TryComplete();
        await _writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _file.DisposeAsync();
        foreach (var compressor in _compressors) compressor.Dispose();
        _plain.Dispose();
        ArrayPool<byte>.Shared.Return(_frame);
        File.Delete(_temporary);
    }

    private async ValueTask SendFrameAsync(CancellationToken ct)
    {
        var (frame, used) = (_frame, _used);
        _frame = ArrayPool<byte>.Shared.Rent(FrameBytes);
        _used = 0;
        try
        {
            await _frames.Writer.WriteAsync(Task.Run(() => Compress(frame, used), CancellationToken.None), ct);
        }
        catch (ChannelClosedException)
        {
            // What went wrong is what went wrong with the file.
            await _writing;
            throw;
        }
    }

    private (byte[] Bytes, int Length) Compress(byte[] frame, int used)
    {
        if (!_compressors.TryTake(out var compressor)) compressor = new Compressor(_level);
        byte[] compressed = ArrayPool<byte>.Shared.Rent(Compressor.GetCompressBound(used));
        int length = compressor.Wrap(frame.AsSpan(0, used), compressed);
        _compressors.Add(compressor);
        ArrayPool<byte>.Shared.Return(frame);
        return (compressed, length);
    }

    private async Task WriteFramesAsync(CancellationToken ct)
    {
        try
        {
            await foreach (var compressing in _frames.Reader.ReadAllAsync(CancellationToken.None))
            {
                var (bytes, length) = await compressing;
                await _file.WriteAsync(bytes.AsMemory(0, length), ct);
                ArrayPool<byte>.Shared.Return(bytes);
            }
        }
        catch (Exception e)
        {
            _frames.Writer.TryComplete(e);
            throw;
        }
    }
}
