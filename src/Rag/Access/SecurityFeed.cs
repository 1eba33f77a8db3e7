using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Rag.Audit;

namespace Rag.Access;

/// <summary>Something that was seen and may be part of an attack. Whether it is one is for the reader of the feed to say.</summary>
/// <param name="Actor">Whoever did it.</param>
/// <param name="Trace">Trace id of the request; empty where there is none.</param>
internal abstract record Signal(Actor Actor, string Trace);

/// <summary>A question or search that was worked on; what the cache answers is not seen again.</summary>
internal sealed record QuestionSignal(Actor Actor, string Trace, string Text) : Signal(Actor, Trace);

/// <summary>A document that was taken in.</summary>
/// <param name="Hidden">What its file holds and its reader does not see: how it is hidden, and the text.</param>
internal sealed record DocumentSignal(Actor Actor, string Trace, string Uri, string Text, IReadOnlyList<KeyValuePair<string, string>> Hidden) : Signal(Actor, Trace);

/// <summary>A request that is out of the ordinary by its address, its headers or its end.</summary>
/// <param name="Target">Path and query as they were sent.</param>
/// <param name="Headers">Values that are not plain.</param>
/// <param name="Known">Whether it reached a route of this product.</param>
/// <param name="Document">Whether the route is that of one document.</param>
/// <param name="KeyShown">Whether it came with a key, a token or a password.</param>
internal sealed record RequestSignal(
    Actor Actor, string Trace, string Method, string Target, IReadOnlyList<KeyValuePair<string, string>> Headers, string UserAgent, int Status, bool Known, bool Document, bool KeyShown) : Signal(Actor, Trace);

/// <summary>A request that the server could not read, and answered 400 before anything saw it.</summary>
internal sealed record MalformedSignal(Actor Actor, string Trace, string Why) : Signal(Actor, Trace);

/// <summary>What was refused, and counted already.</summary>
internal sealed record RefusedSignal(Actor Actor, string Trace, string Pattern) : Signal(Actor, Trace);

/// <summary>
/// From those who see something to the slice that judges it, which stands far below them. Never waits: where the reader is
/// behind, what comes is dropped and counted.
/// </summary>
internal sealed class SecurityFeed
{
    /// <summary>Texts of documents are large; few wait at a time.</summary>
    private const int Capacity = 4_096, MaxDocuments = 32, MaxDocumentChars = 2_000_000, MaxQuestionChars = 16_384;

    private readonly Channel<Signal> _channel = Channel.CreateBounded<Signal>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private readonly Counter<long> _dropped;
    private int _documents;

    public SecurityFeed(IMeterFactory meters)
    {
        _dropped = meters.Create(SecurityMetrics.MeterName).CreateCounter<long>("rag_security_signals_dropped", description: "Requests, questions and documents that were not looked at for attacks, because more came than could be.");
        _dropped.Add(0);
    }

    public void Question(string text, Actor actor, Activity? activity) => Post(new QuestionSignal(actor, TraceOf(activity), text.Length <= MaxQuestionChars ? text : text[..MaxQuestionChars]));

    public void Document(Actor actor, string uri, string text, IReadOnlyList<KeyValuePair<string, string>> hidden)
    {
        if (Interlocked.Increment(ref _documents) > MaxDocuments)
        {
            Interlocked.Decrement(ref _documents);
            _dropped.Add(1);
            return;
        }
        if (!Post(new DocumentSignal(actor, Trace, uri, text.Length <= MaxDocumentChars ? text : text[..MaxDocumentChars], hidden))) Interlocked.Decrement(ref _documents);
    }

    /// <returns>Whether there was room.</returns>
    public bool Post(Signal signal)
    {
        if (_channel.Writer.TryWrite(signal)) return true;
        _dropped.Add(1);
        return false;
    }

    /// <summary>Everything in order; for one reader.</summary>
    public async IAsyncEnumerable<Signal> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var signal in _channel.Reader.ReadAllAsync(ct))
        {
            if (signal is DocumentSignal) Interlocked.Decrement(ref _documents);
            yield return signal;
        }
    }

    public static string Trace => TraceOf(Activity.Current);

    private static string TraceOf(Activity? activity) => activity?.TraceId.ToString() ?? "";
}
