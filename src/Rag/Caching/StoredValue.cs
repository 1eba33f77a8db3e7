using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Rag.Caching;

/// <summary>
/// A value as it lies in Redis: four bytes "RAG" and the format's number, the first 16 bytes of SHA-256 over the key's
/// length, the key and the payload, then the payload. What does not check out under its own key is no value: damaged,
/// cut short, moved there from another key, or somebody else's.
/// </summary>
internal static class StoredValue
{
    /// <summary>Also a part of every key, so that releases with different formats do not meet.</summary>
    public const int Format = 1;

    public const int HeaderBytes = 4 + DigestBytes;
    private const int DigestBytes = 16;

    private static ReadOnlySpan<byte> Magic => [(byte)'R', (byte)'A', (byte)'G', Format];

    public static byte[] Seal(string key, ReadOnlySequence<byte> payload)
    {
        byte[] bytes = new byte[HeaderBytes + payload.Length];
        Magic.CopyTo(bytes);
        payload.CopyTo(bytes.AsSpan(HeaderBytes));
        Digest(key, bytes.AsSpan(HeaderBytes), bytes.AsSpan(4, DigestBytes));
        return bytes;
    }

    /// <summary>The payload, or false where the bytes are none of ours under this key.</summary>
    public static bool TryOpen(string key, ReadOnlyMemory<byte> bytes, out ReadOnlyMemory<byte> payload)
    {
        payload = default;
        if (bytes.Length < HeaderBytes || !bytes.Span[..4].SequenceEqual(Magic)) return false;
        Span<byte> digest = stackalloc byte[DigestBytes];
        Digest(key, bytes.Span[HeaderBytes..], digest);
        if (!bytes.Span.Slice(4, DigestBytes).SequenceEqual(digest)) return false;
        payload = bytes[HeaderBytes..];
        return true;
    }

    private static void Digest(string key, ReadOnlySpan<byte> payload, Span<byte> digest)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] name = Encoding.UTF8.GetBytes(key);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, name.Length);
        hash.AppendData(length);
        hash.AppendData(name);
        hash.AppendData(payload);
        Span<byte> whole = stackalloc byte[32];
        hash.GetHashAndReset(whole);
        whole[..DigestBytes].CopyTo(digest);
    }
}
