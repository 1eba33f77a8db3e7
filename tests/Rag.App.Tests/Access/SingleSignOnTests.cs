using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Rag.Access;
using Rag.Testing;

namespace Rag.App.Tests.Access;

/// <summary>Single sign-on against a provider that runs: tokens of programs, people by code flow, and what must not be believed.</summary>
public sealed class SingleSignOnTests : IAsyncLifetime
{
    private const string Audience = "rag";

    private readonly KeyedServer _server = new();
    private OidcServer _provider = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        if (!NpmFolder.IsInstalled)
        {
            if (Environment.GetEnvironmentVariable("CI") == "true") throw new InvalidOperationException("Node and npm are not installed; './test' installs them.");
            Assert.Skip("Node and npm, which run an OpenID provider here, are not installed; './test' installs them.");
        }
        _provider = await OidcServer.StartAsync(Cancel);
        await _server.StartAsync(new("Access:Oidc:Authority", _provider.Authority), new("Access:Oidc:Audience", Audience), new("Access:Oidc:ClientId", "console"));
    }

    public async ValueTask DisposeAsync()
    {
        if (_server.App is not null) await _server.DisposeAsync();
        if (_provider is not null) await _provider.DisposeAsync();
    }

    [Fact]
    public async Task A_token_is_its_user_with_what_they_and_their_groups_were_granted()
    {
        string token = await TokenAsync();
        (await StatusAsync(token)).ShouldBe(HttpStatusCode.Forbidden);
        await _server.Get<Grants>().AddAsync(new("group", "staff", "reader"), Cancel);
        (await StatusAsync(token)).ShouldBe(HttpStatusCode.OK);
        (await StatusAsync(await TokenAsync(("groups", new[] { "others" })))).ShouldBe(HttpStatusCode.Forbidden);
        var grant = await _server.Get<Grants>().AddAsync(new("user", "alice-1", "admin"), Cancel);
        (await StatusAsync(token, "/admin/v1/keys")).ShouldBe(HttpStatusCode.OK);
        await _server.Get<Grants>().RemoveAsync(grant.Grant.Id, Cancel);
        (await StatusAsync(token, "/admin/v1/keys")).ShouldBe(HttpStatusCode.Forbidden);
        var me = await KeyedServer.JsonAsync(await _server.Client(token).GetAsync("/v1/me", Cancel));
        (me.GetProperty("kind").GetString(), me.GetProperty("id").GetString(), me.GetProperty("name").GetString()).ShouldBe(("user", "alice-1", "Alice"));
    }

    [Fact]
    public async Task A_token_that_does_not_hold_opens_nothing()
    {
        await _server.Get<Grants>().AddAsync(new("group", "staff", "reader"), Cancel);
        string good = await TokenAsync();
        (await StatusAsync(good)).ShouldBe(HttpStatusCode.OK);
        string[] parts = good.Split('.');
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var keys = JsonDocument.Parse(await new HttpClient().GetStringAsync(_provider.Authority + "/jwks", Cancel)).RootElement.GetProperty("keys")[0];
        string kid = keys.GetProperty("kid").GetString()!;
        var rsa = RSA.Create(new RSAParameters { Modulus = Decode(keys.GetProperty("n").GetString()!), Exponent = Decode(keys.GetProperty("e").GetString()!) });
        foreach (var (what, token) in new[]
        {
            ("another audience", await TokenAsync(("aud", "somebody else"))),
            ("no audience", await TokenAsync(("aud", ""))),
            ("another issuer", await TokenAsync(("iss", "https://elsewhere.example"))),
            ("over", await TokenAsync(("exp", now - 120))),
            ("not yet", await TokenAsync(("nbf", now + 600))),
            ("nobody", await TokenAsync(("sub", ""))),
            ("no signature, as it says itself", Part("{\"alg\":\"none\",\"typ\":\"JWT\"}") + "." + parts[1] + "."),
            ("no signature", parts[0] + "." + parts[1] + "."),
            ("another signature", parts[0] + "." + parts[1] + "." + Encode(RandomNumberGenerator.GetBytes(256))),
            ("the public key as a shared secret, as PEM", Hmac(kid, parts[1], Encoding.ASCII.GetBytes(rsa.ExportSubjectPublicKeyInfoPem()))),
            ("the public key as a shared secret, its modulus", Hmac(kid, parts[1], Decode(keys.GetProperty("n").GetString()!))),
            ("a key that it brings itself", SelfSigned(parts[1])),
            ("changed", parts[0] + "." + Part(Encoding.UTF8.GetString(Decode(parts[1])).Replace("staff", "admins", StringComparison.Ordinal)) + "." + parts[2]),
        }) (await StatusAsync(token)).ShouldBe(HttpStatusCode.Unauthorized, what);
    }

    [Fact]
    public async Task New_keys_of_the_provider_are_learned_and_old_ones_forgotten()
    {
        await _server.Get<Grants>().AddAsync(new("group", "staff", "reader"), Cancel);
        string before = await TokenAsync();
        (await StatusAsync(before)).ShouldBe(HttpStatusCode.OK);
        await _provider.RotateAsync(Cancel);
        string after = await TokenAsync();
        // The provider's keys are read anew when one is not known, and not more often than every half minute.
        var limit = TimeProvider.System.GetTimestamp();
        while (await StatusAsync(after) != HttpStatusCode.OK)
        {
            TimeProvider.System.GetElapsedTime(limit).ShouldBeLessThan(TimeSpan.FromSeconds(60));
            await Task.Delay(500, Cancel);
        }
        (await StatusAsync(before)).ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task People_sign_in_at_the_provider_by_code_flow_with_pkce()
    {
        await _server.Get<Grants>().AddAsync(new("group", "staff", "reader", "default"), Cancel);
        var cookies = new CookieContainer();
        using var browser = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = _server.Address };
        (await browser.GetStringAsync("/sign-in", Cancel)).ShouldContain("single sign-on");
        using var start = await browser.GetAsync("/sign-in/oidc?return=%2Fdocuments", Cancel);
        start.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        string authorize = start.Headers.Location!.ToString();
        authorize.ShouldStartWith(_provider.Authority + "/authorize?");
        foreach (string part in new[] { "code_challenge_method=S256", "response_type=code", "state=", "nonce=", "client_id=console" }) authorize.ShouldContain(part);
        using var granted = await browser.GetAsync(authorize, Cancel);
        string callback = granted.Headers.Location!.ToString();
        callback.ShouldStartWith(_server.Address + "sign-in/callback?");
        // The answer to somebody else's question signs nobody in.
        using var stranger = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = _server.Address };
        using var stolen = await stranger.GetAsync(callback, Cancel);
        stolen.Headers.Location!.ToString().ShouldBe("/sign-in?problem=provider");
        using var signed = await browser.GetAsync(callback, Cancel);
        signed.StatusCode.ShouldBe(HttpStatusCode.Redirect, await signed.Content.ReadAsStringAsync(Cancel));
        signed.Headers.Location!.ToString().ShouldBe("/documents");
        string documents = await browser.GetStringAsync("/documents", Cancel);
        documents.ShouldContain("Alice");
        (await browser.GetAsync("/operate", Cancel)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        // A second use of the same answer is none.
        using var again = await browser.GetAsync(callback, Cancel);
        again.Headers.Location!.ToString().ShouldBe("/sign-in?problem=provider");
    }

    private Task<string> TokenAsync(params (string Name, object Value)[] claims)
    {
        var all = new Dictionary<string, object> { ["aud"] = Audience, ["sub"] = "alice-1", ["name"] = "Alice", ["groups"] = new[] { "staff" } };
        foreach (var (name, value) in claims) all[name] = value;
        return _provider.MintAsync(all, Cancel);
    }

    private async Task<HttpStatusCode> StatusAsync(string token, string path = "/v1/collections")
    {
        using var response = await _server.Client(token).GetAsync(path, Cancel);
        return response.StatusCode;
    }

    private static string Hmac(string kid, string payload, byte[] secret)
    {
        string signed = Part($$"""{"alg":"HS256","typ":"JWT","kid":"{{kid}}"}""") + "." + payload;
        return signed + "." + Encode(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(signed)));
    }

    private static string SelfSigned(string payload)
    {
        using var own = RSA.Create(2048);
        var key = own.ExportParameters(false);
        string signed = Part($$$"""{"alg":"RS256","typ":"JWT","jwk":{"kty":"RSA","n":"{{{Encode(key.Modulus!)}}}","e":"{{{Encode(key.Exponent!)}}}"}}""") + "." + payload;
        return signed + "." + Encode(own.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    private static string Part(string text) => Encode(Encoding.UTF8.GetBytes(text));

    private static string Encode(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);

    private static byte[] Decode(string text) => System.Buffers.Text.Base64Url.DecodeFromChars(text);
}
