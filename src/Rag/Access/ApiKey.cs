using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Rag.Access;

/// <summary>
/// The text of a key: <c>rag_</c>, eight characters that name it, <c>_</c>, and 256 random bits as 43 characters of base64url
/// (RFC 4648). What is kept is the SHA-256 of those 43 characters: a slow hash is for what people choose, and 256 random
/// bits are not found by trying, however fast.
/// </summary>
internal static class ApiKey
{
    public const string Prefix = "rag_";
    public const int IdChars = 8, SecretChars = 43, HashBytes = 32;

    private const int SecretBytes = 32;
    private const string IdAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";

    public static string NewId() => RandomNumberGenerator.GetString(IdAlphabet, IdChars);

    public static string NewSecret() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));

    public static string Text(string id, string secret) => $"{Prefix}{id}_{secret}";

    /// <summary>Whether the text has the form of a key, whatever it opens.</summary>
    public static bool Looks(ReadOnlySpan<char> text) => text.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Takes a key apart; false where it has not the form of one.</summary>
    public static bool TryRead(ReadOnlySpan<char> text, out ReadOnlySpan<char> id, out ReadOnlySpan<char> secret)
    {
        id = secret = default;
        if (text.Length != Prefix.Length + IdChars + 1 + SecretChars || !Looks(text) || text[Prefix.Length + IdChars] != '_') return false;
        id = text.Slice(Prefix.Length, IdChars);
        secret = text[(Prefix.Length + IdChars + 1)..];
        return true;
    }

    /// <param name="hash">At least <see cref="HashBytes"/> bytes.</param>
    public static void Hash(ReadOnlySpan<char> secret, Span<byte> hash)
    {
        Span<byte> bytes = stackalloc byte[SecretChars];
        // What is not ASCII becomes a question mark, which no secret has.
        int length = Encoding.ASCII.GetBytes(secret[..Math.Min(secret.Length, SecretChars)], bytes);
        SHA256.HashData(bytes[..length], hash);
    }

    public static string HashText(string secret)
    {
        Span<byte> hash = stackalloc byte[HashBytes];
        Hash(secret, hash);
        return Convert.ToHexStringLower(hash);
    }
}
