using System.Net;
using System.Text.RegularExpressions;
using Rag.Access;

namespace Rag.App.Tests.Access;

/// <summary>Signing in to the pages with a key, what the session may do, and its end.</summary>
public sealed partial class SignInTests(KeyedServer server) : IClassFixture<KeyedServer>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [GeneratedRegex("name=\"form_token\" value=\"([^\"]+)\"")]
    private static partial Regex FormToken();

    [Fact]
    public async Task Whoever_is_not_known_signs_in_and_comes_back_to_where_they_wanted_to_go()
    {
        using var browser = Browser();
        using var refused = await browser.Http.GetAsync("/documents?collection=default", Cancel);
        refused.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        string page = refused.Headers.Location!.ToString();
        page.ShouldBe("/sign-in?return=%2Fdocuments%3Fcollection%3Ddefault");
        using var signed = await browser.SignInAsync((await server.KeyAsync("reader")).Secret, page);
        signed.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        signed.Headers.Location!.ToString().ShouldBe("/documents?collection=default");
        string cookie = signed.Headers.GetValues("Set-Cookie").Single(c => c.StartsWith("rag-session=", StringComparison.Ordinal));
        foreach (string part in new[] { "httponly", "samesite=lax", "path=/", "max-age=43200" }) cookie.ToLowerInvariant().ShouldContain(part);
        cookie.ShouldNotContain("domain", Case.Insensitive);
        string documents = await browser.Http.GetStringAsync("/documents", Cancel);
        documents.ShouldContain("Sign out");
        documents.ShouldNotContain("href=\"/operate\"");
        (await browser.Http.GetAsync("/operate", Cancel)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        // Scripts of the pages call the interface with the session.
        (await browser.Http.GetAsync("/v1/collections", Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("https://elsewhere.example/", "/")]
    [InlineData("//elsewhere.example/", "/")]
    [InlineData("/\\elsewhere.example", "/")]
    [InlineData("javascript:alert(1)", "/")]
    [InlineData("/incidents?state=all", "/incidents?state=all")]
    public async Task The_way_back_leads_nowhere_else(string wanted, string back)
    {
        using var browser = Browser();
        using var signed = await browser.SignInAsync((await server.KeyAsync("reader")).Secret, "/sign-in?return=" + Uri.EscapeDataString(wanted));
        signed.Headers.Location!.ToString().ShouldBe(back);
    }

    [Fact]
    public async Task A_wrong_key_signs_nobody_in()
    {
        using var browser = Browser();
        using var refused = await browser.SignInAsync(ApiKey.Text("zzzzzzzz", ApiKey.NewSecret()), "/sign-in");
        refused.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await refused.Content.ReadAsStringAsync(Cancel)).ShouldContain("This key does not hold");
        browser.Cookies.GetCookies(server.Address).Any(c => c.Name.Contains("session", StringComparison.Ordinal)).ShouldBeFalse();
        using var bare = await browser.Http.PostAsync("/sign-in", new FormUrlEncodedContent([new("key", (await server.KeyAsync("reader")).Secret)]), Cancel);
        bare.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_session_ends_by_signing_out_and_with_its_key()
    {
        var key = await server.KeyAsync("reader");
        using var one = Browser();
        using var two = Browser();
        (await one.SignInAsync(key.Secret, "/sign-in")).Dispose();
        (await two.SignInAsync(key.Secret, "/sign-in")).Dispose();
        string stolen = one.Cookies.GetCookies(server.Address)["rag-session"]!.Value;
        using var left = await one.PostAsync("/sign-out", await one.Http.GetStringAsync("/documents", Cancel), []);
        left.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        (await one.Http.GetAsync("/documents", Cancel)).StatusCode.ShouldBe(HttpStatusCode.Redirect);
        using var again = new HttpRequestMessage(HttpMethod.Get, "/v1/collections") { Headers = { { "Cookie", "rag-session=" + stolen } } };
        (await server.Client(null).SendAsync(again, Cancel)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await two.Http.GetAsync("/documents", Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK);
        await server.Get<ApiKeys>().RevokeAsync(key.Key.Id, Cancel);
        (await two.Http.GetAsync("/documents", Cancel)).StatusCode.ShouldBe(HttpStatusCode.Redirect);
    }

    [Fact]
    public async Task A_session_alone_changes_nothing_for_another_page()
    {
        using var browser = Browser();
        (await browser.SignInAsync((await server.KeyAsync("writer")).Secret, "/sign-in")).Dispose();
        foreach (string? origin in new[] { null, "https://elsewhere.example", "null" })
        {
            using var put = new HttpRequestMessage(HttpMethod.Put, "/v1/collections/sneaked") { Content = new StringContent("{}", System.Text.Encoding.UTF8, "application/json") };
            if (origin is not null) put.Headers.Add("Origin", origin);
            (await browser.Http.SendAsync(put, Cancel)).StatusCode.ShouldBe(HttpStatusCode.Forbidden, origin);
        }
        using var own = new HttpRequestMessage(HttpMethod.Put, "/v1/collections/by-page") { Content = new StringContent("{}", System.Text.Encoding.UTF8, "application/json"), Headers = { { "Origin", server.Address.GetLeftPart(UriPartial.Authority) } } };
        (await browser.Http.SendAsync(own, Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_form_of_somebody_else_is_not_taken()
    {
        using var one = Browser();
        using var two = Browser();
        (await one.SignInAsync((await server.KeyAsync("admin")).Secret, "/sign-in")).Dispose();
        (await two.SignInAsync((await server.KeyAsync("admin")).Secret, "/sign-in")).Dispose();
        string form = await one.Http.GetStringAsync("/operate/access", Cancel);
        using var taken = await two.PostAsync("/operate/access/grants", form, [new("kind", "user"), new("principal", "mallory"), new("role", "admin")]);
        taken.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await server.Get<Grants>().ListAsync(Cancel)).ShouldNotContain(g => g.Principal == "mallory");
    }

    [Fact]
    public async Task Keys_and_grants_are_managed_on_their_page_without_scripts()
    {
        using var browser = Browser();
        (await browser.SignInAsync((await server.KeyAsync("admin")).Secret, "/sign-in")).Dispose();
        string page = await browser.Http.GetStringAsync("/operate/access", Cancel);
        using var made = await browser.PostAsync("/operate/access/keys", page, [new("name", "from the page"), new("role", "reader"), new("collection", ""), new("groups", "staff, b"), new("owner", "ops"), new("expires", "7d")]);
        made.StatusCode.ShouldBe(HttpStatusCode.OK);
        string shown = await made.Content.ReadAsStringAsync(Cancel);
        string secret = Regex.Match(shown, "rag_[a-z0-9]{8}_[A-Za-z0-9_-]{43}").Value;
        made.Headers.CacheControl!.NoStore.ShouldBeTrue();
        (await server.Client(secret).GetAsync("/v1/collections", Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK);
        page = await browser.Http.GetStringAsync("/operate/access", Cancel);
        page.ShouldContain("from the page");
        page.ShouldNotContain(secret);
        using var wrong = await browser.PostAsync("/operate/access/keys", page, [new("name", "x"), new("expires", "9999d"), new("role", "reader")]);
        wrong.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        using var revoked = await browser.PostAsync($"/operate/access/keys/{secret[4..12]}/revoke", page, []);
        revoked.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        (await server.Client(secret).GetAsync("/v1/collections", Cancel)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        using var granted = await browser.PostAsync("/operate/access/grants", page, [new("kind", "group"), new("principal", "staff"), new("role", "reader"), new("collection", "default"), new("expires", "")]);
        granted.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        var grant = (await server.Get<Grants>().ListAsync(Cancel)).Single(g => g.Principal == "staff");
        grant.CreatedBy.ShouldBe("key test admin");
        using var removed = await browser.PostAsync($"/operate/access/grants/{grant.Id}/remove", page, []);
        removed.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        (await server.Get<Grants>().ListAsync(Cancel)).ShouldNotContain(g => g.Principal == "staff");
    }

    private SignedBrowser Browser() => new(server.Address);

    /// <summary>What a browser does: keeps cookies, and says which page it sends a form from.</summary>
    private sealed class SignedBrowser : IDisposable
    {
        private readonly Uri _address;

        public SignedBrowser(Uri address)
        {
            _address = address;
            Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = Cookies }) { BaseAddress = address };
        }

        public CookieContainer Cookies { get; } = new();

        public HttpClient Http { get; }

        public async Task<HttpResponseMessage> SignInAsync(string key, string page)
        {
            string form = await Http.GetStringAsync(page, Cancel);
            string back = WebUtility.HtmlDecode(Regex.Match(form, "name=\"return\" value=\"([^\"]*)\"").Groups[1].Value);
            return await PostAsync("/sign-in", form, [new("key", key), new("return", back)]);
        }

        public Task<HttpResponseMessage> PostAsync(string path, string page, IEnumerable<KeyValuePair<string, string>> fields)
        {
            var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new FormUrlEncodedContent(fields.Append(new("form_token", FormToken().Match(page).Groups[1].Value))) };
            request.Headers.Add("Origin", _address.GetLeftPart(UriPartial.Authority));
            return Http.SendAsync(request, Cancel);
        }

        public void Dispose() => Http.Dispose();
    }
}
