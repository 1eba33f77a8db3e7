using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Rag.Foundation;

namespace Rag.Answering.Generation;

/// <summary>
/// A composed sentence as provenance keeps it: AES-256-GCM (NIST SP 800-38D) under a key that HKDF-SHA256 (RFC 5869) makes
/// of the texts that the sentence cites, with the answer's id for salt. Where one of these texts is gone from the record, the
/// sentence is gone with it; where one has changed, it does not open.
/// </summary>
internal static class SentenceSeal
{
    private const int KeyBytes = 32, NonceBytes = 12, TagBytes = 16;

    /// <param name="index">Place of the sentence in its answer, from 0; no two under one key.</param>
    /// <param name="texts">What it cites, in order.</param>
    /// <returns>Base64 of what is sealed and its tag.</returns>
    public static string Close(string answerId, int index, IEnumerable<string> texts, string sentence)
    {
        byte[] plain = Encoding.UTF8.GetBytes(sentence), sealedBytes = new byte[plain.Length + TagBytes];
        Span<byte> nonce = stackalloc byte[NonceBytes];
        BinaryPrimitives.WriteInt32BigEndian(nonce, index);
        using var aes = new AesGcm(Key(answerId, texts), TagBytes);
        aes.Encrypt(nonce, plain, sealedBytes.AsSpan(0, plain.Length), sealedBytes.AsSpan(plain.Length));
        return Convert.ToBase64String(sealedBytes);
    }

    /// <exception cref="RagException">Conflict: these are not the texts that it was sealed with.</exception>
    public static string Open(string answerId, int index, IEnumerable<string> texts, string sealedText)
    {
        try
        {
            byte[] bytes = Convert.FromBase64String(sealedText);
            if (bytes.Length < TagBytes) throw new FormatException("It is shorter than its tag.");
            byte[] plain = new byte[bytes.Length - TagBytes];
            Span<byte> nonce = stackalloc byte[NonceBytes];
            BinaryPrimitives.WriteInt32BigEndian(nonce, index);
            using var aes = new AesGcm(Key(answerId, texts), TagBytes);
            aes.Decrypt(nonce, bytes.AsSpan(0, plain.Length), bytes.AsSpan(plain.Length), plain);
            return Encoding.UTF8.GetString(plain);
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            throw new RagException(ErrorKind.Conflict, $"A sentence of answer {answerId} cannot be read any more: what it cites is not what it was.", "Ask the question again.", e);
        }
    }

    private static byte[] Key(string answerId, IEnumerable<string> texts)
    {
        using var material = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[4];
        foreach (string text in texts)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
            material.AppendData(length);
            material.AppendData(bytes);
        }
        return HKDF.DeriveKey(HashAlgorithmName.SHA256, material.GetHashAndReset(), KeyBytes, Encoding.UTF8.GetBytes(answerId), "rag composed sentence 1"u8.ToArray());
    }
}
