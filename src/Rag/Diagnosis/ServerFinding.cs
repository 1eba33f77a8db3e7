using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Rag.Diagnosis;

/// <summary>Why a server cannot be asked, as a finding.</summary>
internal static class ServerFinding
{
    public static Finding Of(Uri address, Exception error)
    {
        string why = Reasons(error);
        bool refused = Any<SocketException>(error, s => s.SocketErrorCode == SocketError.ConnectionRefused);
        bool name = error is HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError };
        bool tls = error is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } || Any<AuthenticationException>(error, _ => true);
        string port = address.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return (name, refused, tls, error) switch
        {
            (true, _, _, _) => New("name", $"The name {address.Host} cannot be resolved.", $"getent hosts {address.Host}"),
            (_, true, _, _) => New("refused", $"{address.Authority} refuses connections: no server listens there.", $"ss -ltn 'sport = :{port}'"),
            (_, _, true, _) => New("tls", $"No encrypted connection to {address.Authority} comes about.", $"openssl s_client -connect {address.Host}:{port} </dev/null"),
            (_, _, _, OperationCanceledException) => New("timeout", $"{address.Authority} does not answer in time.", $"curl -m 5 -i {address}livez"),
            (_, _, _, HttpRequestException { StatusCode: HttpStatusCode status }) => New("answer", $"{address.Authority} answers {(int)status}.", $"curl -i {address}readyz"),
            _ => New("broken", $"The connection to {address.Authority} breaks.", $"curl -m 5 -i {address}livez"),
        };

        Finding New(string code, string what, string next) => new(Areas.Server, Severity.Critical, $"server.{code}", what, why, "The server cannot be asked how it is. 'rag doctor --data DIR' on its machine diagnoses its configuration without it.", next);
    }

    private static string Reasons(Exception e) => e.InnerException is { } inner && !e.Message.Contains(inner.Message, StringComparison.Ordinal) ? $"{e.Message} {Reasons(inner)}" : e.Message;

    private static bool Any<T>(Exception? e, Func<T, bool> test) where T : Exception => e is not null && ((e is T t && test(t)) || Any(e.InnerException, test));
}
