using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Rag.Audit;

/// <summary>
/// The tree at a moment, as C2SP tlog-checkpoint has it: origin, size, root in base64, and in a line of our own when it was
/// signed. The signature makes it a C2SP signed note, with ECDSA on P-256 (type 0x02).
/// </summary>
internal sealed record Checkpoint(string Origin, long Size, byte[] Root, DateTimeOffset At)
{
    public const int MaxNoteChars = 10_000;

    private const string TimePrefix = "Timestamp: ", TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    /// <summary>What is signed.</summary>
    public string Text => string.Create(CultureInfo.InvariantCulture, $"{Origin}\n{Size}\n{Convert.ToBase64String(Root)}\n{TimePrefix}{At.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)}\n");

    public string Sign(AuditKeys keys) => NoteKey.Of(Origin, keys.PublicKey).Note(Text, keys.Sign(Encoding.UTF8.GetBytes(Text)));

    /// <summary>The checkpoint of a note that the key has signed; null where it did not, or where the note is no checkpoint.</summary>
    public static Checkpoint? Open(string note, NoteKey key) => key.Open(note) is { } text ? Parse(text) : null;

    private static Checkpoint? Parse(string text)
    {
        string[] lines = text.Split('\n');
        if (lines is not [{ Length: > 0 } origin, var number, var base64, var time, ..] || !long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long size) || size.ToString(CultureInfo.InvariantCulture) != number) return null;
        byte[] root = new byte[Merkle.HashBytes];
        if (!Convert.TryFromBase64String(base64, root, out int length) || length != root.Length || !time.StartsWith(TimePrefix, StringComparison.Ordinal)) return null;
        return DateTimeOffset.TryParseExact(time[TimePrefix.Length..], TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? new(origin, size, root, at) : null;
    }
}

/// <summary>A key that notes are checked with (C2SP signed-note).</summary>
internal sealed class NoteKey
{
    private const byte Ecdsa = 2;
    private const int IdBytes = 4, MaxSignatures = 16;
    private const string Dash = "\u2014 ";

    private readonly string _name;
    private readonly byte[] _id, _publicKey;

    private NoteKey(string name, byte[] publicKey)
    {
        (_name, _publicKey) = (name, publicKey);
        // Of this type of signature, the id is the beginning of the key's own hash.
        _id = SHA256.HashData(publicKey)[..IdBytes];
    }

    public string Name => _name;

    public static NoteKey Of(string name, byte[] publicKey) => new(name, publicKey);

    /// <summary>The key in the form in which it is handed on: name, id and key, with <c>+</c> between them.</summary>
    public override string ToString() => $"{_name}+{Convert.ToHexStringLower(_id)}+{Convert.ToBase64String([Ecdsa, .. _publicKey])}";

    /// <summary>A verifier key as <see cref="ToString"/> writes it, or a public key as PEM, which has no name and takes <paramref name="name"/>; null where it is neither.</summary>
    public static NoteKey? Parse(string text, string? name)
    {
        foreach (string line in text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = line.Split('+', 3);
            byte[] bytes = new byte[line.Length];
            if (parts.Length == 3 && Convert.TryFromBase64String(parts[2], bytes, out int length) && length > 1 && bytes[0] == Ecdsa && Usable(bytes.AsSpan(1, length - 1)))
            {
                var key = new NoteKey(parts[0], bytes[1..length]);
                if (key.ToString() == line) return key;
            }
        }
        try
        {
            using var pem = ECDsa.Create();
            pem.ImportFromPem(text);
            return name is null ? null : new(name, pem.ExportSubjectPublicKeyInfo());
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            return null;
        }
    }

    public string Note(string text, byte[] signature) => $"{text}\n{Dash}{_name} {Convert.ToBase64String([.. _id, .. signature])}\n";

    /// <summary>The text of a note that this key has signed; null where it has not.</summary>
    public string? Open(string note)
    {
        int blank = note.LastIndexOf("\n\n", StringComparison.Ordinal);
        if (note.Length > Checkpoint.MaxNoteChars || blank < 0 || !note.EndsWith('\n') || note.Any(c => c < ' ' && c != '\n')) return null;
        string text = note[..(blank + 1)];
        string[] lines = note[(blank + 2)..^1].Split('\n');
        if (lines.Length > MaxSignatures) return null;
        bool signed = false;
        using var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(_publicKey, out _);
        foreach (string line in lines)
        {
            if (!line.StartsWith(Dash, StringComparison.Ordinal) || line[Dash.Length..].Split(' ') is not [var name, var base64]) return null;
            byte[] bytes = new byte[base64.Length];
            if (!Convert.TryFromBase64String(base64, bytes, out int length) || length <= IdBytes) return null;
            if (name != _name || !bytes.AsSpan(0, IdBytes).SequenceEqual(_id)) continue;
            // One that claims to be of this key and is not spoils the note.
            if (!key.VerifyData(Encoding.UTF8.GetBytes(text), bytes.AsSpan(IdBytes, length - IdBytes), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)) return null;
            signed = true;
        }
        return signed ? text : null;
    }

    private static bool Usable(ReadOnlySpan<byte> publicKey)
    {
        try
        {
            using var key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(publicKey, out _);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
