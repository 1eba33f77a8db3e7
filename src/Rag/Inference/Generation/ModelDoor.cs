using System.Net;
using System.Net.Sockets;
using Rag.Foundation;

namespace Rag.Inference.Generation;

/// <summary>
/// Between the client library and the network: says in one way for every library what an endpoint answers instead of a
/// reply, and reads no more of any body than a reply may have.
/// </summary>
/// <param name="maxBytes">The most that a body is read.</param>
internal sealed class ModelDoor(long maxBytes) : DelegatingHandler(new SocketsHttpHandler
{
    // A key goes to the endpoint that it is configured for, and nowhere that this one points to.
    AllowAutoRedirect = false,
    ConnectTimeout = TimeSpan.FromSeconds(5),
    PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    MaxResponseHeadersLength = 64,
})
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;
        try
        {
            response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException e) when (e.InnerException is SocketException || e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError)
        {
            throw new ModelFaultException(ModelFault.Unreachable, "cannot be reached", e);
        }
        catch (HttpRequestException e)
        {
            throw new ModelFaultException(ModelFault.Cut, "broke off the connection", e);
        }
        if (!response.IsSuccessStatusCode)
        {
            var fault = FaultOf(response);
            response.Dispose();
            throw fault;
        }
        if (response.Content.Headers.ContentType?.MediaType is { } type && type.StartsWith("text/html", StringComparison.OrdinalIgnoreCase))
        {
            response.Dispose();
            throw new ModelFaultException(ModelFault.Nonsense, "answered with a web page");
        }
        var bounded = new StreamContent(new BoundedStream(await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false), maxBytes));
        foreach (var header in response.Content.Headers) bounded.Headers.TryAddWithoutValidation(header.Key, header.Value);
        response.Content = bounded;
        return response;
    }

    private static ModelFaultException FaultOf(HttpResponseMessage response)
    {
        int status = (int)response.StatusCode;
        var wait = response.Headers.RetryAfter is { } after ? after.Delta ?? (after.Date is { } date ? date - response.Headers.Date ?? TimeSpan.Zero : null) : null;
        return response.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => new(ModelFault.KeyRefused, $"refused the key ({status})"),
            HttpStatusCode.TooManyRequests => new(ModelFault.Busy, "is busy (429)") { RetryAfter = wait },
            HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError => new(ModelFault.ServerError, $"answered {status}") { RetryAfter = wait },
            _ => new(ModelFault.RequestRefused, $"refused the request ({status})"),
        };
    }

    /// <summary>A body that ends with an error where it is larger than a reply may be, or breaks off.</summary>
    private sealed class BoundedStream(Stream inner, long left) : Stream
    {
        private long _left = left;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return Count(await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false));
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                throw new ModelFaultException(ModelFault.Cut, "broke off in the middle", e);
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => Count(inner.Read(buffer, offset, count));

        private int Count(int read)
        {
            if ((_left -= read) < 0) throw new ModelFaultException(ModelFault.TooLong, "sent more than an answer may have");
            return read;
        }

        public override void Flush() => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
