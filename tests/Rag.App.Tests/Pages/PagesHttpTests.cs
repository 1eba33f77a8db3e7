using System.Net;
using System.Text.RegularExpressions;
using Shouldly;

namespace Rag.App.Tests.Pages;

public sealed class PagesHttpTests(Site site)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/", 200)]
    [InlineData("/?q=anything&collection=nowhere", 404)]
    [InlineData("/documents", 200)]
    [InlineData("/documents?collection=nowhere", 404)]
    [InlineData("/documents/default/no-such-document", 404)]
    [InlineData("/nothing/there", 404)]
    [InlineData("/operate/access", 200)]
    public async Task Every_page_says_its_status_and_keeps_foreign_content_out(string path, int status)
    {
        using var response = await GetAsync(path);
        ((int)response.StatusCode).ShouldBe(status);
        response.Content.Headers.ContentType!.ToString().ShouldBe("text/html; charset=utf-8");
        string policy = response.Headers.GetValues("Content-Security-Policy").Single();
        policy.ShouldContain("default-src 'none'");
        policy.ShouldNotContain("unsafe");
        response.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        response.Headers.GetValues("X-Frame-Options").ShouldBe(["DENY"]);
        response.Headers.GetValues("Referrer-Policy").ShouldBe(["same-origin"]);
        response.Headers.CacheControl!.NoStore.ShouldBeTrue();
        string html = await response.Content.ReadAsStringAsync(Ct);
        html.ShouldStartWith("<!DOCTYPE html>");
        Regex.Matches(html, @"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=").Select(m => m.Value).ShouldBeEmpty();
    }

    [Fact]
    public async Task An_answers_page_shows_its_sentences_and_sources()
    {
        var answer = await site.AskAsync(SampleDocuments.VacationQuestion);
        string html = WebUtility.HtmlDecode(await (await GetAsync(AskTests.Path(SampleDocuments.VacationQuestion))).Content.ReadAsStringAsync(Ct));
        foreach (var sentence in answer.GetProperty("sentences").EnumerateArray()) html.ShouldContain($">{sentence.GetProperty("text").GetString()}<");
        foreach (var source in answer.GetProperty("sources").EnumerateArray()) html.ShouldContain(source.GetProperty("uri").GetString()!);
    }

    [Fact]
    public async Task A_question_that_is_too_long_is_refused_with_the_limit()
    {
        using var response = await GetAsync("/?q=" + new string('x', 2_001));
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await response.Content.ReadAsStringAsync(Ct)).ShouldContain("at most 2,000 are read");
    }

    [Theory]
    [InlineData("version=9", HttpStatusCode.NotFound, "is not kept")]
    [InlineData("version=x", HttpStatusCode.BadRequest, "is not a number")]
    public async Task A_version_that_is_not_there_is_said(string query, HttpStatusCode status, string said)
    {
        using var response = await GetAsync($"/documents/default/{await site.IdAsync("default", "handbook/vacation.md")}?{query}");
        response.StatusCode.ShouldBe(status);
        (await response.Content.ReadAsStringAsync(Ct)).ShouldContain(said);
    }

    [Theory]
    [InlineData("/feedback")]
    [InlineData("/documents/new-collection")]
    [InlineData("/documents/default/upload")]
    public async Task A_form_that_is_not_from_a_page_changes_nothing(string path)
    {
        using var form = new MultipartFormDataContent { { new StringContent("sneaked"), "name" }, { new ByteArrayContent("sneaked in"u8.ToArray()), "files", "sneaked.txt" } };
        using var response = await site.Http.PostAsync(path, form, Ct);
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await response.Content.ReadAsStringAsync(Ct)).ShouldContain("The form has expired");
        (await site.DocumentsAsync("default")).ShouldNotContain(d => d.Uri == "sneaked.txt");
        (await site.Http.GetAsync("/v1/collections/sneaked", Ct)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Deleting_without_the_pages_form_leaves_the_document()
    {
        string id = await site.IdAsync("default", "handbook/vacation.md");
        using var response = await site.Http.PostAsync($"/documents/default/{id}/delete", new FormUrlEncodedContent([]), Ct);
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await site.IdAsync("default", "handbook/vacation.md")).ShouldBe(id);
    }

    [Fact]
    public async Task A_form_from_another_origin_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/feedback") { Content = new FormUrlEncodedContent([]) };
        request.Headers.Add("Origin", "https://elsewhere.example");
        using var response = await site.Http.SendAsync(request, Ct);
        response.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Files_of_the_pages_are_kept_by_their_content_and_small()
    {
        string html = await (await GetAsync("/documents")).Content.ReadAsStringAsync(Ct) + await (await GetAsync("/")).Content.ReadAsStringAsync(Ct);
        var addresses = Regex.Matches(html, @"(?:src|href)=""(/[\w.]+\?v=[0-9a-f]{12})""").Select(m => m.Groups[1].Value).Distinct().ToList();
        addresses.Count.ShouldBe(6);
        int scriptBytes = 0;
        foreach (string address in addresses)
        {
            using var response = await GetAsync(address);
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            response.Headers.CacheControl!.ToString().ShouldContain("immutable");
            response.Headers.ETag.ShouldNotBeNull();
            byte[] content = await response.Content.ReadAsByteArrayAsync(Ct);
            if (address.Contains(".js", StringComparison.Ordinal)) scriptBytes += content.Length;
            using var bare = await GetAsync(address[..address.IndexOf('?', StringComparison.Ordinal)]);
            bare.Headers.CacheControl!.NoCache.ShouldBeTrue();
        }
        scriptBytes.ShouldBeInRange(1, 40_000);
    }

    [Fact]
    public async Task The_http_interface_keeps_its_own_errors()
    {
        using var response = await GetAsync("/v1/nothing");
        response.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
    }

    [Fact]
    public async Task Pages_are_counted_by_their_routes()
    {
        using (await GetAsync($"/documents/default/{await site.IdAsync("default", "handbook/vacation.md")}")) { }
        string metrics = await site.Http.GetStringAsync("/metrics", Ct);
        metrics.ShouldContain("route=\"/documents/{collection}/{id}\"");
        (await site.Http.GetStringAsync("/openapi/v1.json", Ct)).ShouldNotContain("\"/documents");
    }

    private async Task<HttpResponseMessage> GetAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Accept", "text/html");
        return await site.Http.SendAsync(request, Ct);
    }
}
