namespace Rag.Inference.Generation;

/// <summary>What a language model may do wrong, told apart in the log.</summary>
internal enum ModelFault
{
    /// <summary>401 or 403.</summary>
    KeyRefused,
    /// <summary>429: it has too much to do, or this caller asks too much.</summary>
    Busy,
    /// <summary>Any other 4xx: the endpoint, the model's name or the request is not what it takes.</summary>
    RequestRefused,
    /// <summary>5xx.</summary>
    ServerError,
    /// <summary>No connection.</summary>
    Unreachable,
    /// <summary>The connection broke, or the stream ended, before the model was done.</summary>
    Cut,
    /// <summary>No first piece in time.</summary>
    Late,
    /// <summary>It began, and then nothing came for too long.</summary>
    Stalled,
    /// <summary>It went on longer than a whole answer may take.</summary>
    TooSlow,
    /// <summary>It wrote more than was asked for.</summary>
    TooLong,
    /// <summary>What came is no answer of a language model's, or not in the form that was asked for.</summary>
    Nonsense,
    /// <summary>Its own filter stopped it.</summary>
    Filtered,
    /// <summary>It failed so often that it is left alone for a while.</summary>
    LeftAlone,
    /// <summary>As many calls as are allowed are under way.</summary>
    Overloaded,
}

/// <summary>A call that failed, before it becomes the one error that callers see.</summary>
/// <param name="reason">A phrase that completes "The language model …".</param>
internal sealed class ModelFaultException(ModelFault fault, string reason, Exception? inner = null) : Exception(reason, inner)
{
    public ModelFault Fault { get; } = fault;

    /// <summary>How long the endpoint asks to be left alone, where it says so.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The first of these among an exception's causes.</summary>
    public static ModelFaultException? In(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
        {
            if (e is ModelFaultException fault) return fault;
            if (e is AggregateException many)
                foreach (var one in many.InnerExceptions)
                    if (In(one) is { } found) return found;
        }
        return null;
    }
}
