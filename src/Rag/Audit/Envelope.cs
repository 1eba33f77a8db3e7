using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Rag.Audit;

/// <summary>
/// What a leaf of the tree commits to, as JSON in one form only: what stays clear when a subject's key is destroyed, and the
/// event sealed (AES-256-GCM) under a key of its own, which is derived from the subject's. The commitment ties the envelope
/// to that one key, so that nobody can show two different events for it.
/// </summary>
/// <param name="At">UTC microseconds.</param>
/// <param name="Subject">Pseudonym of who acted.</param>
/// <param name="About">Pseudonym of the subject whose key was destroyed, where that is what was done.</param>
/// <param name="Sealed">The event's ciphertext, then the tag.</param>
internal sealed record Envelope(
    string Id, long At, string Category, string Action, bool Succeeded, string Subject, string? About, byte[] Commitment, byte[] Nonce, byte[] Sealed)
{
    public const string Success = "success", Failure = "failure";

    private const int NonceBytes = 12, TagBytes = 16;

    public string Outcome => Succeeded ? Success : Failure;

    /// <summary>The key of one record: with it this record can be opened, and no other of the subject.</summary>
    public static byte[] RecordKey(ReadOnlySpan<byte> subjectKey, string id) => HMACSHA256.HashData(subjectKey, Encoding.ASCII.GetBytes("record " + id));

    public static Envelope Seal(string id, long at, string category, string action, bool succeeded, string subject, string? about, ReadOnlySpan<byte> subjectKey, ReadOnlySpan<byte> ocsf)
    {
        byte[] key = RecordKey(subjectKey, id), nonce = RandomNumberGenerator.GetBytes(NonceBytes), @sealed = new byte[ocsf.Length + TagBytes];
        using var gcm = new AesGcm(Part(key, "seal"), TagBytes);
        gcm.Encrypt(nonce, ocsf, @sealed.AsSpan(0, ocsf.Length), @sealed.AsSpan(ocsf.Length), Encoding.ASCII.GetBytes(id));
        return new(id, at, category, action, succeeded, subject, about, Part(key, "commit"), nonce, @sealed);
    }

    /// <summary>The event; null where the key is not this record's, or the record is not what was sealed.</summary>
    public byte[]? Open(ReadOnlySpan<byte> recordKey)
    {
        if (Sealed.Length < TagBytes || Nonce.Length != NonceBytes || !CryptographicOperations.FixedTimeEquals(Part(recordKey, "commit"), Commitment)) return null;
        byte[] ocsf = new byte[Sealed.Length - TagBytes];
        using var gcm = new AesGcm(Part(recordKey, "seal"), TagBytes);
        try
        {
            gcm.Decrypt(Nonce, Sealed.AsSpan(0, ocsf.Length), Sealed.AsSpan(ocsf.Length), ocsf, Encoding.ASCII.GetBytes(Id));
            return ocsf;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    public byte[] Bytes()
    {
        var buffer = new ArrayBufferWriter<byte>(512 + Sealed.Length * 4 / 3);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("v", 1);
            json.WriteString("id", Id);
            json.WriteNumber("at", At);
            json.WriteString("category", Category);
            json.WriteString("action", Action);
            json.WriteString("outcome", Outcome);
            json.WriteString("subject", Subject);
            if (About is not null) json.WriteString("about", About);
            json.WriteBase64String("commit", Commitment);
            json.WriteBase64String("nonce", Nonce);
            json.WriteBase64String("event", Sealed);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Null where the bytes are no envelope, or not in the one form that it has.</summary>
    public static Envelope? Parse(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            using var json = JsonDocument.Parse(bytes);
            var e = json.RootElement;
            string outcome = Text("outcome");
            if (e.GetProperty("v").GetInt32() != 1 || outcome is not (Success or Failure)) return null;
            var envelope = new Envelope(
                Text("id"), e.GetProperty("at").GetInt64(), Text("category"), Text("action"), outcome == Success, Text("subject"),
                e.TryGetProperty("about", out var about) ? about.GetString() : null, e.GetProperty("commit").GetBytesFromBase64(), e.GetProperty("nonce").GetBytesFromBase64(), e.GetProperty("event").GetBytesFromBase64());
            return envelope.Bytes().AsSpan().SequenceEqual(bytes.Span) ? envelope : null;

            string Text(string name) => e.GetProperty(name).GetString() ?? throw new FormatException();
        }
        catch (Exception e) when (e is JsonException or FormatException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    private static byte[] Part(ReadOnlySpan<byte> recordKey, string use) => HMACSHA256.HashData(recordKey, Encoding.ASCII.GetBytes(use));
}
