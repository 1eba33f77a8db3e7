using System.Text.Json;

namespace Rag.Testing.Models;

/// <summary>How a scripted reply ends.</summary>
public enum Ending
{
    /// <summary>As a model ends that is done.</summary>
    Done,
    /// <summary>As one that wrote as much as it may.</summary>
    Length,
    /// <summary>As one whose filter stopped it.</summary>
    Filtered,
    /// <summary>The stream ends in order, and nobody says that the model is done.</summary>
    Silent,
    /// <summary>The connection breaks.</summary>
    Cut,
    /// <summary>Nothing more comes, and the connection stays.</summary>
    Stall,
    /// <summary>The last piece comes again and again.</summary>
    Endless,
}

/// <summary>What a model says, and how it comes over the wire.</summary>
/// <param name="Pieces">In the order in which they are sent, one event each.</param>
public sealed record ModelReply(IReadOnlyList<string> Pieces, Ending Ending = Ending.Done)
{
    public int Status { get; init; } = 200;

    /// <summary>With a status that is an error.</summary>
    public string? RetryAfter { get; init; }

    /// <summary>Before the first piece.</summary>
    public TimeSpan First { get; init; }

    /// <summary>Before each further piece, and before the end.</summary>
    public TimeSpan Between { get; init; }

    /// <summary>The bytes go out so many at a time, wherever that cuts; 0: an event at a time.</summary>
    public int BytesAtATime { get; init; }

    /// <summary>Sent as it is in place of everything else.</summary>
    public string? Raw { get; init; }

    public string? ContentType { get; init; }

    /// <summary>Completes when the server may go on past the first piece; null: at once.</summary>
    public Task? Gate { get; init; }

    public static ModelReply Say(string text, Ending ending = Ending.Done) => new([text], ending);

    /// <summary>In pieces of a few characters, as tokens come.</summary>
    public static ModelReply Tokens(string text, int chars = 4, Ending ending = Ending.Done) => new([.. text.Chunk(chars).Select(c => new string(c))], ending);

    public static ModelReply Units(params int[] numbers) => Say(JsonSerializer.Serialize(new { units = numbers }));

    public static ModelReply Error(int status, string? retryAfter = null) => new([]) { Status = status, RetryAfter = retryAfter };
}
