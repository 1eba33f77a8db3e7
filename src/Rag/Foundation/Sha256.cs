using System.Security.Cryptography;
using System.Text;

namespace Rag.Foundation;

/// <summary>SHA-256 (FIPS 180-4) as lower-case hexadecimal, of bytes or of a text's UTF-8 bytes.</summary>
internal static class Sha256
{
    public static string Hex(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(bytes, hash);
        return Convert.ToHexStringLower(hash);
    }

    public static string Hex(ReadOnlySpan<char> text)
    {
        int max = Encoding.UTF8.GetMaxByteCount(text.Length);
        byte[] bytes = System.Buffers.ArrayPool<byte>.Shared.Rent(max);
        try
        {
            return Hex(bytes.AsSpan(0, Encoding.UTF8.GetBytes(text, bytes)));
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(bytes);
        }
    }
}
