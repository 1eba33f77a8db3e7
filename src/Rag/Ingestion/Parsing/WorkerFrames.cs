using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Rag.Ingestion.Parsing;

/// <summary>What a parser process answers: a document, or why there is none.</summary>
internal sealed record WorkerReply(ParsedDocument? Document, string? Reason = null, string? Message = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault, IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(WorkerReply))]
[JsonSerializable(typeof(WorkerRequest))]
internal sealed partial class WorkerJson : JsonSerializerContext;

/// <param name="MaxTextChars">Bound of the extracted text; UTF-16 code units.</param>
/// <param name="TimeoutMs">The host's bound; the process ends itself some time after it, should the host be gone by then.</param>
internal sealed record WorkerRequest(string Name, int MaxTextChars, int TimeoutMs);

/// <summary>
/// Frames between the host and a parser process: four bytes of length, little-endian, then so many bytes. A request is
/// a JSON frame and a frame with the file's bytes; a reply is one JSON frame.
/// </summary>
internal static class WorkerFrames
{
    private const int MaxFrameBytes = 1 << 30;

    /// <summary>Text beyond ASCII goes as it is: nothing here is ever put into a page.</summary>
    public static WorkerJson Json { get; } = new(new JsonSerializerOptions(WorkerJson.Default.Options) { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static async Task WriteAsync(Stream stream, ReadOnlyMemory<byte> content, CancellationToken ct)
    {
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, content.Length);
        await stream.WriteAsync(length, ct);
        await stream.WriteAsync(content, ct);
        await stream.FlushAsync(ct);
    }

    /// <summary>The next frame, or null where the stream has ended.</summary>
    /// <exception cref="InvalidDataException">The other side does not speak this protocol.</exception>
    public static async Task<byte[]?> ReadAsync(Stream stream, CancellationToken ct)
    {
        byte[] prefix = new byte[4];
        int read = await stream.ReadAtLeastAsync(prefix, 4, throwOnEndOfStream: false, ct);
        if (read == 0) return null;
        if (read < 4) throw new EndOfStreamException();
        int length = BinaryPrimitives.ReadInt32LittleEndian(prefix);
        if (length is < 0 or > MaxFrameBytes) throw new InvalidDataException($"a frame of {length} bytes");
        byte[] content = new byte[length];
        await stream.ReadExactlyAsync(content, ct);
        return content;
    }
}
