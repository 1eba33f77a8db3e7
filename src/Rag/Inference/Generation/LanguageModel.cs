using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Rag.Foundation;

namespace Rag.Inference.Generation;

/// <summary>
/// The language model that is configured, if one is. Its replies come in pieces, bounded in time and length; what goes wrong
/// is one error that says what. After several failures it is left alone for a while. Thread-safe.
/// </summary>
internal sealed class LanguageModel : IDisposable
{
    /// <summary>Characters that a token may stand for in the bound on a reply's length.</summary>
    private const int CharsPerToken = 12;

    private static readonly TimeSpan BreakerWindow = TimeSpan.FromSeconds(30), FirstDelay = TimeSpan.FromMilliseconds(50);

    private readonly GenerationOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<LanguageModel> _log;
    private readonly Lazy<IChatClient> _client;
    private readonly SemaphoreSlim _calls;
    private readonly CircuitBreakerStateProvider _circuit = new();
    private readonly ResiliencePipeline _breaker, _retry;
    private string? _trouble;

    public LanguageModel(GenerationOptions options, TimeProvider time, ILogger<LanguageModel> log)
    {
        (_options, _time, _log) = (options, time, log);
        _client = new(() => ChatClients.Create(options));
        _calls = new(options.MaxCalls);
        _breaker = new ResiliencePipelineBuilder { TimeProvider = time }.AddCircuitBreaker(new()
        {
            FailureRatio = 0.5,
            MinimumThroughput = Math.Max(2, options.BreakerFailures),
            SamplingDuration = BreakerWindow,
            BreakDuration = TimeSpan.FromSeconds(Math.Max(1, options.BreakerSeconds)),
            ShouldHandle = new PredicateBuilder().Handle<ModelFaultException>(e => e.Fault is not (ModelFault.Overloaded or ModelFault.Filtered or ModelFault.TooLong)),
            StateProvider = _circuit,
        }).Build();
        var retry = new ResiliencePipelineBuilder { TimeProvider = time };
        if (options.Retries > 0)
            retry.AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = options.Retries,
                Delay = FirstDelay,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                DelayGenerator = static a => new(a.Outcome.Exception is ModelFaultException { RetryAfter: { } wait } && wait > TimeSpan.Zero ? wait : null),
                ShouldHandle = a => new(a.Outcome.Exception is ModelFaultException { Fault: ModelFault.Busy or ModelFault.ServerError or ModelFault.Unreachable or ModelFault.Cut } fault && !Begun(a.Context) && WorthWaiting(fault)),
            });
        _retry = retry.Build();
    }

    /// <summary>Whether there is a model to ask.</summary>
    public bool Configured => _options.Configured;

    /// <summary>Its name at its endpoint; empty where there is none.</summary>
    public string Name => _options.Model ?? "";

    /// <summary>False from a failure until the next call that succeeds.</summary>
    public bool Up => Trouble is null;

    /// <summary>What the last call met; null where it succeeded or there was none.</summary>
    public string? Trouble => Volatile.Read(ref _trouble);

    /// <summary>Whether it is left alone now because it failed several times.</summary>
    public bool LeftAlone => _circuit.CircuitState is CircuitState.Open or CircuitState.Isolated;

    /// <summary>Asks, and hands each piece of the reply on as it comes; returns when the model is done, or when a piece was enough.</summary>
    /// <param name="limit">What is left of the time for the whole answer.</param>
    /// <param name="take">Given each piece in turn, and null when the model is done; false where the rest is not wanted. What time it takes is not the model's; a <see cref="ModelFaultException"/> says that what came is no use.</param>
    /// <exception cref="RagException">Unavailable: there is no model, or it failed; the message says how, and names no address.</exception>
    public async Task RunAsync(ModelRequest request, TimeSpan limit, Func<string?, ValueTask<bool>> take, CancellationToken ct)
    {
        if (!Configured) throw new RagException(ErrorKind.Unavailable, "There is no language model (Generation:Provider is none).", "Set Generation:Provider to openai or ollama.");
        try
        {
            if (!_calls.Wait(0, CancellationToken.None)) throw new ModelFaultException(ModelFault.Overloaded, $"has {_options.MaxCalls} calls to answer already");
            try
            {
                await _breaker.ExecuteAsync(token => CallAsync(request, limit, Own(take), token), ct).ConfigureAwait(false);
            }
            finally
            {
                _calls.Release();
            }
            if (Interlocked.Exchange(ref _trouble, null) is not null) _log.LanguageModelBack();
        }
        catch (BrokenCircuitException e)
        {
            throw Failed(new(ModelFault.LeftAlone, $"failed several times and is left alone for up to {_options.BreakerSeconds} s", e));
        }
        catch (ModelFaultException e)
        {
            throw Failed(e);
        }
    }

    public void Dispose()
    {
        if (_client.IsValueCreated) _client.Value.Dispose();
        _calls.Dispose();
    }

    /// <summary>What fails here with a piece is a fault of this program, and no reason to leave the model alone.</summary>
    private Func<string?, ValueTask<bool>> Own(Func<string?, ValueTask<bool>> take) => async piece =>
    {
        try
        {
            return await take(piece).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not (ModelFaultException or RagException or OperationCanceledException))
        {
            _log.LanguageModelReplyUnread(e);
            throw new RagException(ErrorKind.Unavailable, "The language model's answer could not be read here.", "Tell whoever runs the server: event 705 of its log says why.", e);
        }
    };

    private async ValueTask CallAsync(ModelRequest request, TimeSpan limit, Func<string?, ValueTask<bool>> take, CancellationToken ct)
    {
        using var clock = new CallClock(_time, limit, _options, ct);
        var context = ResilienceContextPool.Shared.Get(clock.Token);
        try
        {
            await _retry.ExecuteAsync(async c => await AttemptAsync(request, clock, take, c), context).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            // Its time went by between two attempts.
            throw clock.Fault(e);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private async ValueTask AttemptAsync(ModelRequest request, CallClock clock, Func<string?, ValueTask<bool>> take, ResilienceContext context)
    {
        int room = _options.MaxOutputTokens * CharsPerToken;
        bool done = false;
        var token = clock.Token;
        try
        {
            token.ThrowIfCancellationRequested();
            await using var updates = _client.Value.GetStreamingResponseAsync(Messages(request), Options(request), token).GetAsyncEnumerator(token);
            while (await updates.MoveNextAsync().ConfigureAwait(false))
            {
                var update = updates.Current;
                string piece = update.Text;
                if (piece.Length > 0)
                {
                    if ((room -= piece.Length) < 0) throw new ModelFaultException(ModelFault.TooLong, "wrote more than Generation:MaxOutputTokens");
                    context.Properties.Set(BegunKey, true);
                    clock.Pause();
                    if (!await take(piece).ConfigureAwait(false)) return;
                    clock.NextPiece();
                }
                if (update.FinishReason is not { } reason) continue;
                if (reason == ChatFinishReason.Length) throw new ModelFaultException(ModelFault.TooLong, "wrote more than Generation:MaxOutputTokens");
                if (reason == ChatFinishReason.ContentFilter) throw new ModelFaultException(ModelFault.Filtered, "was stopped by its own filter");
                done = true;
            }
            // A stream that ends without saying that it is done was cut, however cleanly.
            if (!done) throw Begun(context) ? new ModelFaultException(ModelFault.Cut, "broke off in the middle") : new ModelFaultException(ModelFault.Nonsense, "sent nothing that is an answer");
            await take(null).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not ModelFaultException)
        {
            if (ModelFaultException.In(e) is { } fault) throw new ModelFaultException(fault.Fault, fault.Message, e) { RetryAfter = fault.RetryAfter };
            if (clock.Asker.IsCancellationRequested) throw new OperationCanceledException(clock.Asker);
            if (clock.Token.IsCancellationRequested) throw clock.Fault(e);
            // What the callback throws is none of the model's doing.
            if (e is RagException) throw;
            if (e is HttpRequestException or IOException) throw new ModelFaultException(ModelFault.Cut, "broke off the connection", e);
            throw new ModelFaultException(ModelFault.Nonsense, "sent something that is no reply of a language model's", e);
        }
    }

    private static List<ChatMessage> Messages(ModelRequest request) => [new(ChatRole.System, request.System), new(ChatRole.User, request.User)];

    private ChatOptions Options(ModelRequest request) => new()
    {
        Temperature = 0,
        MaxOutputTokens = request.MaxOutputTokens,
        ResponseFormat = request.Schema is null || _options.StructuredOutput == GenerationOptions.Text ? null
            : _options.StructuredOutput == GenerationOptions.Json ? ChatResponseFormat.Json
            : ChatResponseFormat.ForJsonSchema(JsonElement.Parse(request.Schema), request.SchemaName),
    };

    private static readonly ResiliencePropertyKey<bool> BegunKey = new("begun");

    private static bool Begun(ResilienceContext context) => context.Properties.GetValue(BegunKey, false);

    /// <summary>An endpoint that asks to be left alone for longer than the first piece may take is not asked again.</summary>
    private bool WorthWaiting(ModelFaultException fault) => fault.RetryAfter is not { } wait || wait.TotalMilliseconds < _options.FirstTokenMs;

    private RagException Failed(ModelFaultException e)
    {
        string trouble = $"The language model {e.Message}.";
        // That there is much to do is no trouble of the model's.
        if (e.Fault != ModelFault.Overloaded) Volatile.Write(ref _trouble, trouble);
        // What is no news is not said with every question.
        if (e.Fault is not (ModelFault.LeftAlone or ModelFault.Overloaded)) _log.LanguageModelFailed(e.Fault, e.Message, e.InnerException?.Message);
        return new(ErrorKind.Unavailable, trouble, RemedyOf(e.Fault), e);
    }

    private static string RemedyOf(ModelFault fault) => fault switch
    {
        ModelFault.KeyRefused => "Check Generation:ApiKeyFile or Generation:ApiKey.",
        ModelFault.RequestRefused => "Check Generation:Endpoint, Generation:Model and Generation:StructuredOutput.",
        ModelFault.Unreachable => "Check Generation:Endpoint and the network.",
        ModelFault.Late => "Try again later, or raise Generation:FirstTokenMs.",
        ModelFault.Stalled => "Try again later, or raise Generation:StallMs.",
        ModelFault.TooSlow => "Try again later, or raise Generation:TimeoutMs.",
        ModelFault.TooLong => "Raise Generation:MaxOutputTokens, or use a model that keeps to what it is asked.",
        ModelFault.Nonsense => "Check that Generation:Endpoint is what Generation:Provider says, and that the model can keep to a form; see Generation:StructuredOutput.",
        ModelFault.Overloaded => "Try again shortly, or raise Generation:MaxCalls.",
        _ => "Try again later.",
    };
}
