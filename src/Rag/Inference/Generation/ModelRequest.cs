using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Rag.Inference.Generation;

/// <summary>Everything that a model is sent for one reply.</summary>
/// <param name="SchemaName">Name of <paramref name="Schema"/>; null where prose is wanted.</param>
/// <param name="Schema">JSON schema that the reply must follow.</param>
internal sealed record ModelRequest(string System, string User, string? SchemaName, string? Schema, int MaxOutputTokens)
{
    /// <summary>SHA-256 over all of it and the model's name, each part preceded by its length so that no two lists of parts are alike.</summary>
    public string Sha256(string model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[4];
        foreach (string part in new[] { model, System, User, SchemaName ?? "", Schema ?? "", MaxOutputTokens.ToString(CultureInfo.InvariantCulture) })
        {
            byte[] bytes = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
