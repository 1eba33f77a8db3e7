namespace Rag.Foundation;

/// <summary>Section <c>Server</c>: how a server lives and what it takes on at a time.</summary>
internal sealed class ServerOptions : IValidatedOptions
{
    public string Section => "Server";

    /// <summary>Name of this replica in logs, status and locks; the machine's name where it is empty.</summary>
    public string ReplicaName { get; set; } = "";

    /// <summary>After SIGTERM the server says at once that it is not ready and goes on serving this long, milliseconds: balancers need it to notice.</summary>
    public int DrainMs { get; set; } = 2_000;

    /// <summary>How long requests under way may take to end once no more are accepted, milliseconds.</summary>
    public int StopTimeoutMs { get; set; } = 20_000;

    /// <summary>Questions and searches that are worked on at the same time.</summary>
    public int MaxQuestions { get; set; } = 256;

    /// <summary>Questions and searches that wait for their turn; more are refused.</summary>
    public int QueuedQuestions { get; set; } = 1_024;

    /// <summary>How long a question or search waits for its turn before it is refused, milliseconds.</summary>
    public int QuestionWaitMs { get; set; } = 2_000;

    /// <summary>The most that a question or search may take once it has its turn, milliseconds.</summary>
    public int QuestionTimeoutMs { get; set; } = 15_000;

    /// <summary>Requests that write and are worked on at the same time; each may hold its files in memory.</summary>
    public int MaxWrites { get; set; } = 32;

    /// <summary>Requests that write and wait for their turn, their bodies unread; more are refused.</summary>
    public int QueuedWrites { get; set; } = 256;

    /// <summary>How long a request that writes waits for its turn before it is refused, milliseconds.</summary>
    public int WriteWaitMs { get; set; } = 30_000;

    public IEnumerable<ConfigurationError> Validate()
    {
        if (ReplicaName.Length > 64 || ReplicaName.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')))
            yield return new("Server:ReplicaName", $"'{ReplicaName}' is not a name", "use up to 64 letters, digits, '-', '_' and '.', or leave it empty");
        if (DrainMs is < 0 or > 600_000) yield return new("Server:DrainMs", $"{DrainMs} is out of range", "choose 0 to 600000");
        if (StopTimeoutMs is < 100 or > 600_000) yield return new("Server:StopTimeoutMs", $"{StopTimeoutMs} is out of range", "choose 100 to 600000");
        if (MaxQuestions is < 1 or > 100_000) yield return new("Server:MaxQuestions", $"{MaxQuestions} is out of range", "choose 1 to 100000");
        if (QueuedQuestions is < 0 or > 1_000_000) yield return new("Server:QueuedQuestions", $"{QueuedQuestions} is out of range", "choose 0 to 1000000");
        if (QuestionWaitMs is < 1 or > 600_000) yield return new("Server:QuestionWaitMs", $"{QuestionWaitMs} is out of range", "choose 1 to 600000");
        if (QuestionTimeoutMs is < 100 or > 600_000) yield return new("Server:QuestionTimeoutMs", $"{QuestionTimeoutMs} is out of range", "choose 100 to 600000");
        if (MaxWrites is < 1 or > 10_000) yield return new("Server:MaxWrites", $"{MaxWrites} is out of range", "choose 1 to 10000");
        if (QueuedWrites is < 0 or > 1_000_000) yield return new("Server:QueuedWrites", $"{QueuedWrites} is out of range", "choose 0 to 1000000");
        if (WriteWaitMs is < 1 or > 600_000) yield return new("Server:WriteWaitMs", $"{WriteWaitMs} is out of range", "choose 1 to 600000");
    }
}
