# 창에 나오는 말. 메시지 이름은 모든 언어에서 같다.

answer = 받기
answer-video = 영상으로 받기
decline = 거절
hang-up = 끊기
mute = 음소거
unmute = 음소거 해제
camera-on = 카메라 켜기
camera-off = 카메라 끄기
switch-camera = 카메라 전환
hold = 대기
resume = 다시 통화
keypad = 키패드
pip = 작은 화면
pip-back = 통화로 돌아가기

incoming-voice = 전화가 왔습니다
incoming-video = 영상 통화가 왔습니다
somebody = 누군가
calling = 거는 중 …
ringing-there = 울리는 중 …
connecting = 연결 중 …
reconnecting = 다시 연결 중 …
on-hold = 대기 중
held-there = { $name } 님이 통화를 대기시켰습니다
ended = 통화가 끝났습니다
ended-declined = 거절됨
ended-busy = 통화 중
ended-unanswered = 응답 없음
ended-failed = 실패했습니다: { $why }

encrypted = 암호화됨
verified = 암호화됨, 번호 확인됨
transport = 서버까지 암호화됨

recents = 최근 통화
people = 사람
search-people = 사람 찾기
nobody = 아직 아무도 없습니다
nobody-hint = `ahoyctl invite`로 초대하거나 `ahoyctl contacts import FILE`로 주소록을 가져오세요.
nobody-found = 맞는 사람이 없습니다
no-recents = 아직 통화가 없습니다
no-recents-hint = 통화하면 여기에 나타납니다.
call-somebody = { $name } 님에게 전화
call-voice = 음성 통화
call-video = 영상 통화
cancel = 취소
missed = 부재중 전화 { $count }통
outcome-answered = 받음
outcome-missed = 부재중
outcome-declined = 거절함
outcome-cancelled = 취소됨
outcome-failed = 실패
outcome-elsewhere = 다른 기기에서 받음
outcome-ongoing = 지금
way-incoming = 걸려 옴
way-outgoing = 걸었음
add-favourite = 즐겨찾기에 넣기
remove-favourite = 즐겨찾기에서 빼기

locked = 화면이 잠겨 있습니다
locked-hint = 잠금을 풀면 사람과 통화가 보입니다.
not-running = 통화 서비스가 실행되고 있지 않습니다
not-running-hint = `systemctl --user start ahoyd`로 시작하세요.
failed = 안 되었습니다: { $why }
picture-of = { $name } 님의 모습
picture-of-you = 내 모습
